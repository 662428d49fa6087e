// SPDX-License-Identifier: Apache-2.0
#include "history/store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "history_folder.h"

namespace coroscope::history {
namespace {

using testing::batch;
using testing::noon;
using testing::process;

// Runs `f` in a process of its own; what it returns is its exit code, or -signal.
int in_child(const std::function<int()>& f) {
  const pid_t pid = fork();
  if (pid == 0) _exit(f());
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class HistoryStore : public testing::HistoryFolder {};

TEST_F(HistoryStore, KeepsWhatItIsGiven) {
  auto store = open(noon);
  Batch one = batch(noon + 10, {process(7, 42)});
  one.events.push_back({noon + 9, "0123456789ab", "attached", R"({"event":"attached"})"});
  ASSERT_TRUE(store->write(one));
  ASSERT_TRUE(store->write(batch(noon + 20, {process(7, 50)})));
  const Window seen = window(noon, noon + 60);
  ASSERT_EQ(seen.instances.size(), 1u);
  EXPECT_EQ(seen.instances[0].pid, 7);
  EXPECT_EQ(seen.instances[0].build_id, "b1");
  EXPECT_EQ(seen.instances[0].from, noon);
  EXPECT_EQ(seen.instances[0].to, noon + 20);
  EXPECT_FALSE(seen.instances[0].ended);
  ASSERT_EQ(seen.samples.size(), 2u);
  EXPECT_EQ(seen.samples[1].live, 50);
  ASSERT_EQ(seen.places.size(), 2u);
  EXPECT_EQ(seen.places[0].id, "aaaa");
  EXPECT_EQ(seen.places[0].points.back().live, 48);
  EXPECT_NE(seen.places[0].frames.find("orders.cpp"), std::string::npos);
  EXPECT_EQ(seen.places[1].id, other_stacks);
  ASSERT_EQ(seen.events.size(), 1u);
  EXPECT_TRUE(seen.gaps.empty());
}

TEST_F(HistoryStore, WhoIsNotWatchedAnyMoreHasEnded) {
  auto store = open(noon);
  ASSERT_TRUE(store->write(batch(noon + 10, {process(7, 42), process(8, 4)})));
  ASSERT_TRUE(store->write(batch(noon + 20, {process(8, 4)})));
  const Window seen = window(noon, noon + 60);
  ASSERT_EQ(seen.instances.size(), 2u);
  EXPECT_TRUE(seen.instances[0].ended);
  EXPECT_EQ(seen.instances[0].to, noon + 10);
  EXPECT_FALSE(seen.instances[1].ended);
}

TEST_F(HistoryStore, AProcessIsTheSameForADaemonThatWasStartedAgain) {
  auto store = open(noon);
  ASSERT_TRUE(store->write(batch(noon + 10, {process(7, 42)})));
  store.reset();
  store = open(noon + 15);
  ASSERT_TRUE(store->write(batch(noon + 20, {process(7, 43)})));
  const Window seen = window(noon, noon + 60);
  ASSERT_EQ(seen.instances.size(), 1u);
  EXPECT_EQ(seen.samples.size(), 2u);
  EXPECT_FALSE(seen.instances[0].ended);
  EXPECT_TRUE(seen.gaps.empty()) << "less than an interval";
}

TEST_F(HistoryStore, TellsWhenTheDaemonDidNotRun) {
  auto store = open(noon);
  ASSERT_TRUE(store->write(batch(noon + 10, {process(7, 42)})));
  store.reset();
  store = open(noon + 500);
  const Window seen = window(noon, noon + 600);
  ASSERT_EQ(seen.gaps.size(), 1u);
  EXPECT_EQ(seen.gaps[0].from, noon + 10);
  EXPECT_EQ(seen.gaps[0].to, noon + 500);
  EXPECT_EQ(seen.gaps[0].why, "the daemon did not run");
}

TEST_F(HistoryStore, IsWholeAfterItsWriterWasKilled) {
  EXPECT_EQ(in_child([this] {
              auto store = open(noon);
              for (int i = 1; i <= 100; ++i) {
                if (!store->write(batch(noon + 10 * i, {process(7, i)}))) return 1;
              }
              raise(SIGKILL);
              return 2;
            }),
            -SIGKILL);
  auto store = open(noon + 1003);
  const Window seen = window(noon, noon + 2000);
  EXPECT_EQ(seen.samples.size(), 100u);
  ASSERT_EQ(seen.gaps.size(), 1u);
  EXPECT_EQ(seen.gaps[0].from, noon + 1000);
  EXPECT_EQ(seen.gaps[0].to, noon + 1003);
  EXPECT_EQ(seen.gaps[0].why, "the daemon was killed");
}

TEST_F(HistoryStore, TellsOfTimesWithoutSamples) {
  auto store = open(noon);
  ASSERT_TRUE(store->write(batch(noon + 10, {process(7, 42)})));
  ASSERT_TRUE(store->write(batch(noon + 29, {process(7, 42)})));  // late
  ASSERT_TRUE(store->write(batch(noon + 300, {process(7, 42)})));
  const Window seen = window(noon, noon + 600);
  ASSERT_EQ(seen.gaps.size(), 1u);
  EXPECT_EQ(seen.gaps[0].from, noon + 29);
  EXPECT_EQ(seen.gaps[0].to, noon + 300);
}

TEST_F(HistoryStore, TellsOfAClockThatWasSetBack) {
  auto store = open(noon);
  ASSERT_TRUE(store->write(batch(noon + 1000, {process(7, 42)})));
  ASSERT_TRUE(store->write(batch(noon + 400, {process(7, 43)})));
  const Window seen = window(noon, noon + 2000);
  ASSERT_EQ(seen.gaps.size(), 1u);
  EXPECT_EQ(seen.gaps[0].from, noon + 400);
  EXPECT_EQ(seen.gaps[0].to, noon + 1000);
  EXPECT_NE(seen.gaps[0].why.find("set back"), std::string::npos);
}

// A disk that is full for a while: as a limit of the size of files, which root has, too.
TEST_F(HistoryStore, GoesOnOnceTheDiskIsNotFullAnyMore) {
  EXPECT_EQ(in_child([this] {
              signal(SIGXFSZ, SIG_IGN);
              auto store = open(noon);
              if (!store->write(batch(noon + 10, {process(7, 1)}))) return 1;
              const rlimit full{4096, RLIM_INFINITY};
              setrlimit(RLIMIT_FSIZE, &full);
              const auto refused = store->write(batch(noon + 20, {process(7, 2)}));
              if (refused || refused.error().kind != ErrorKind::environment) return 2;
              const rlimit free{RLIM_INFINITY, RLIM_INFINITY};
              setrlimit(RLIMIT_FSIZE, &free);
              return store->write(batch(noon + 30, {process(7, 3)})) ? 0 : 3;
            }),
            0);
  const Window seen = window(noon, noon + 600);
  EXPECT_EQ(seen.samples.size(), 2u);
  ASSERT_EQ(seen.gaps.size(), 1u);
  EXPECT_EQ(seen.gaps[0].from, noon + 10);
  EXPECT_EQ(seen.gaps[0].to, noon + 30);
  EXPECT_NE(seen.gaps[0].why.find("could not be written"), std::string::npos);
}

TEST_F(HistoryStore, ThinsWithAge) {
  const Limits limits{.interval = 10, .thinning = {{3600, 60}, {7200, 600}}};
  auto store = open(noon, limits);
  const Time end = noon + 4 * 3600;
  for (Time time = noon; time < end; time += 10) {
    SeenProcess one = process(7, 100);
    one.sample.peak = time == noon + 610 ? 999 : 100;
    ASSERT_TRUE(store->write(batch(time, {one})));
  }
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store->tidy(end));
  const Window seen = window(noon, end, 1 << 20);
  size_t old = 0, middle = 0, fresh = 0;
  int64_t peak = 0;
  for (const Sample& sample : seen.samples) {
    ++(sample.time < end - 7200 ? old : sample.time < end - 3600 ? middle : fresh);
    peak = std::max(peak, sample.peak);
  }
  EXPECT_EQ(old, 12u);
  EXPECT_EQ(middle, 60u);
  EXPECT_EQ(fresh, 360u);
  EXPECT_EQ(peak, 999) << "is kept of what is thinned";
  EXPECT_EQ(seen.samples.front().time, noon + 590) << "the last of its step";
  ASSERT_EQ(seen.places.size(), 2u);
  EXPECT_EQ(seen.places[0].points.size(), seen.samples.size());
}

TEST_F(HistoryStore, ForgetsWhatIsTooOld) {
  const Limits limits{.interval = 10, .keep = 1000, .thinning = {}};
  auto store = open(noon, limits);
  for (Time time = noon; time < noon + 3000; time += 10) {
    const bool first = time < noon + 1000;
    ASSERT_TRUE(store->write(batch(time, {process(first ? 7 : 8, 100)})));
  }
  ASSERT_TRUE(store->tidy(noon + 3000));
  const Window seen = window(noon, noon + 3000);
  ASSERT_EQ(seen.instances.size(), 1u);
  EXPECT_EQ(seen.instances[0].pid, 8);
  EXPECT_EQ(seen.samples.front().time, noon + 2000);
}

TEST_F(HistoryStore, StaysBelowItsSize) {
  const Limits limits{.interval = 10, .bytes = 1 << 20, .thinning = {}};
  auto store = open(noon, limits);
  std::vector<SeenProcess> many;
  for (pid_t pid = 1; pid <= 50; ++pid) many.push_back(process(pid, 100));
  uint64_t most = 0;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(store->write(batch(noon + 10 * i, many)));
    if (i % 6 == 0) {
      ASSERT_TRUE(store->tidy(noon + 10 * i));
    }
    most = std::max(most, store->bytes());
  }
  EXPECT_LT(most, (1u << 20) + (1u << 17));
  const Window seen = window(noon, noon + 10000);
  EXPECT_GT(seen.samples.size(), 1000u);
  EXPECT_EQ(seen.samples.back().time, noon + 9990);
  EXPECT_GT(seen.samples.front().time, noon) << "the oldest went";
}

// Whoever makes up places must not take the room of others.
TEST_F(HistoryStore, AProcessThatNamesTooManyPlaces) {
  auto store = open(noon);
  int64_t told = 0;
  for (int i = 0; i < 300; ++i) {
    SeenProcess one = process(7, 0);
    one.sample.stacks.clear();
    one.frames.clear();
    for (int k = 0; k < 20; ++k) {
      const std::string id = std::to_string(i * 20 + k);
      one.sample.stacks.push_back({id, 1});
      one.frames.push_back({id, {{std::string(100'000, 'x'), "/a.cpp", 1, 0x10}}});
    }
    ASSERT_TRUE(store->write(batch(noon + 10 * i, {one})));
    told = noon + 10 * i;
  }
  EXPECT_LT(store->bytes(), 40u << 20);
  auto query = Query::open(path());
  const auto moment = query->moment(service(), told);
  ASSERT_EQ(moment->processes.size(), 1u);
  int64_t live = 0;
  for (const StackCount& stack : moment->processes[0].sample.stacks) {
    EXPECT_EQ(stack.id, other_stacks);
    live += stack.live;
  }
  EXPECT_EQ(live, 20) << "counted all the same";
}

TEST_F(HistoryStore, IsNotForEverybody) {
  auto store = open(noon);
  ASSERT_TRUE(store->write(batch(noon + 10, {process(7, 42)})));
  using std::filesystem::perms;
  for (const char* name : {"history.db", "history.db-wal", "history.db-shm"}) {
    const auto rights = std::filesystem::status(folder_ / name).permissions();
    EXPECT_EQ(rights & perms::others_all, perms::none) << name;
  }
}

// Half of an answer would look like all of it. The reader is begun first: with the writer's
// connections it would see what they see.
TEST_F(HistoryStore, WhatIsBesideItIsNotLeftOut) {
  std::array<int, 2> go{};
  ASSERT_EQ(pipe(go.data()), 0);
  const pid_t reader = fork();
  if (reader == 0) {
    char none = 0;
    if (read(go[0], &none, 1) != 1 || setgroups(0, nullptr) != 0 ||
        setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) {
      _exit(77);
    }
    const auto opened = Query::open(path());
    if (opened) _exit(3);
    _exit(opened.error().message.find("as root") == std::string::npos ? 2 : 0);
  }
  auto store = open(noon);
  ASSERT_TRUE(store->write(batch(noon + 10, {process(7, 42)})));
  std::filesystem::permissions(folder_, std::filesystem::perms(0755));
  for (const char* name : {"history.db", "history.db-wal"}) {
    std::filesystem::permissions(folder_ / name, std::filesystem::perms(0644));
  }
  ASSERT_EQ(write(go[1], "g", 1), 1);
  int status = 0;
  ASSERT_EQ(waitpid(reader, &status, 0), reader);
  EXPECT_EQ(WEXITSTATUS(status), geteuid() == 0 ? 0 : 77);
  close(go[0]);
  close(go[1]);
}

TEST_F(HistoryStore, LongEventsStayJson) {
  auto store = open(noon);
  nlohmann::json event = {{"event", "verdict_opened"}, {"command", std::string(100'000, 'c')}};
  for (int i = 0; i < 1000; ++i) {
    event["parked_at"].push_back({{"function", "frame" + std::to_string(i)}, {"file", "/a.cpp"}});
  }
  Batch one = batch(noon + 10, {process(7, 42)});
  one.events.push_back({noon + 10, "0123456789ab", "verdict_opened", event.dump()});
  ASSERT_TRUE(store->write(one));
  const Window seen = window(noon, noon + 60);
  ASSERT_EQ(seen.events.size(), 1u);
  EXPECT_LT(seen.events[0].line.size(), 20'000u);
  const auto kept = nlohmann::json::parse(seen.events[0].line);
  EXPECT_EQ(kept["event"], "verdict_opened");
  EXPECT_EQ(kept["parked_at"][0]["function"], "frame0");
  EXPECT_EQ(kept["parked_at"].back()["function"], "(further frames were not kept)");
}

TEST_F(HistoryStore, TellsOfALossBeforeTheFirstBatch) {
  EXPECT_EQ(in_child([this] {
              signal(SIGXFSZ, SIG_IGN);
              auto store = open(noon);
              const rlimit full{4096, RLIM_INFINITY};
              setrlimit(RLIMIT_FSIZE, &full);
              if (store->write(batch(noon + 10, {process(7, 1)}))) return 1;
              const rlimit free{RLIM_INFINITY, RLIM_INFINITY};
              setrlimit(RLIMIT_FSIZE, &free);
              return store->write(batch(noon + 20, {process(7, 2)})) ? 0 : 2;
            }),
            0);
  const Window seen = window(noon, noon + 600);
  ASSERT_EQ(seen.gaps.size(), 1u);
  EXPECT_EQ(seen.gaps[0].from, noon);
  EXPECT_EQ(seen.gaps[0].to, noon + 20);
}

TEST_F(HistoryStore, OneWrites) {
  auto store = open(noon);
  const auto second = Store::open(path(), {}, noon);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("by another coroscope"), std::string::npos);
  store.reset();
  EXPECT_TRUE(Store::open(path(), {}, noon));
}

TEST_F(HistoryStore, WhatIsNoHistory) {
  const auto refused = [this](const std::string& text) {
    const auto opened = Store::open(path(), {}, noon);
    const auto read = Query::open(path());
    EXPECT_FALSE(opened || read);
    if (opened || read) return;
    for (const std::string& told : {opened.error().message, read.error().message}) {
      EXPECT_NE(told.find(text), std::string::npos) << told;
    }
    std::filesystem::remove(path());
  };
  std::ofstream(path()) << std::string(10000, 'x');
  refused("move it away");
  SQLite::Database(path(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE a(b)");
  refused("no history of coroscope");
  open(noon).reset();
  SQLite::Database(path(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 99");
  refused("is of version 99");
}

TEST_F(HistoryStore, WhereNothingCanBeWritten) {
  std::ofstream(folder_ / "file") << "x";
  const auto opened = Store::open(folder_ / "file" / "history.db", {}, noon);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::environment);
  EXPECT_NE(opened.error().message.find("Not a directory"), std::string::npos);
}

TEST_F(HistoryStore, TextsOfTargetsAreTexts) {
  auto store = open(noon);
  SeenProcess one = process(7, 42);
  one.instance.command = "x'; DROP TABLE sample; --\x1b[2J\xff" + std::string(100'000, 'y');
  one.frames = {{"aaaa", {{"f\"'\xff<\x01>", "/src/a.cpp", 24, 0x10}}}};
  ASSERT_TRUE(store->write(batch(noon + 10, {one})));
  const Window seen = window(noon, noon + 60);
  ASSERT_EQ(seen.instances.size(), 1u);
  EXPECT_EQ(seen.instances[0].command.find('\x1b'), std::string::npos);
  EXPECT_LE(seen.instances[0].command.size(), 1024u);
  EXPECT_EQ(seen.samples.size(), 1u);
}

}  // namespace
}  // namespace coroscope::history
