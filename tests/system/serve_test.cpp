// SPDX-License-Identifier: Apache-2.0
// The daemon: it finds processes, watches them, and answers.
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <sstream>
#include <thread>

#include "bpf/uprobe_multi.h"
#include "child.h"
#include "churn_target.h"
#include "json_lines.h"
#include "probe_sites.h"
#include "serving.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

class Serve : public Serving {};

TEST_F(Serve, FindsAProcessAndTellsItsLeak) {
  write_config("patience = \"5s\"");
  Daemon daemon(config());
  const auto target = start({"leak_ramp", "leak", "--rate", "200"});
  const json attached = daemon.next("attached");
  EXPECT_EQ(attached["pid"], target->pid());
  EXPECT_EQ(attached["service"], "leak_ramp");
  EXPECT_EQ(attached["probes"], "full");
  const json opened = daemon.next("verdict_opened");
  EXPECT_EQ(opened["verdict"], "leak");
  EXPECT_EQ(opened["reason"], "chan send");
  EXPECT_EQ(functions(opened["spawned_at"]).front(), "start_stuck");

  const json verdicts = daemon.get_json("/api/v1/verdicts");
  ASSERT_EQ(verdicts["verdicts"].size(), 1u) << verdicts;
  EXPECT_EQ(verdicts["verdicts"][0]["fault"], opened["fault"]);
  const std::string pid = std::to_string(target->pid());
  const std::string metrics = daemon.get("/metrics");
  EXPECT_NE(metrics.find("coroscope_faults{pid=\"" + pid +
                         "\",service=\"leak_ramp\",verdict=\"leak\"} 1"),
            std::string::npos)
      << metrics;
  EXPECT_NE(
      metrics.find("coroscope_completeness_ratio{pid=\"" + pid + "\",service=\"leak_ramp\"} 1\n"),
      std::string::npos);

  const json process = daemon.get_json("/api/v1/processes/" + pid);
  EXPECT_GT(process["live"], 0);
  bool found = false;
  for (const json& stack : process["stacks"]) {
    const auto names = functions(stack["spawned_at"]);
    if (names.empty() || names.front() != "start_stuck") continue;
    found = true;
    const json named = daemon.get_json("/api/v1/stacks/" + stack["stack"].get<std::string>());
    EXPECT_EQ(named["frames"], stack["spawned_at"]);
  }
  EXPECT_TRUE(found) << process;

  target->signal(SIGKILL);
  EXPECT_EQ(daemon.next("verdict_closed")["fault"], opened["fault"]);
  EXPECT_EQ(daemon.next("detached")["pid"], target->pid());
  EXPECT_EQ(daemon.get_json("/api/v1/processes")["processes"].size(), 0u);
  daemon.get("/api/v1/processes/" + pid, 404);
  EXPECT_EQ(daemon.end().code, 0);
}

TEST_F(Serve, ARestartedServiceIsTheSame) {
  write_config("");
  Daemon daemon(config());
  auto target = start({"leak_ramp", "steady", "--rate", "10"});
  const json first = daemon.next("attached");
  target.reset();
  daemon.next("detached");
  target = start({"leak_ramp", "steady", "--rate", "20"});
  const json second = daemon.next("attached");
  EXPECT_NE(first["pid"], second["pid"]);
  EXPECT_EQ(first["service_id"], second["service_id"]);
  EXPECT_EQ(first["build_id"], second["build_id"]);
  EXPECT_EQ(daemon.end().code, 0);
}

TEST_F(Serve, CountsWhatTheProgramCounts) {
  write_config("");
  Child target({program("churn"), "--workers", "2", "--sites", "2"}, labelled());
  ASSERT_EQ(target.read_line(), "ready");
  Daemon daemon(config());
  daemon.next("attached");
  const SiteCounts truth = paused(target);
  int64_t live = 0;
  for (const auto& [site, count] : truth) live += count.live;
  const std::string path = "/api/v1/processes/" + std::to_string(target.pid());
  const json process =
      daemon.wait_for(path, [live](const json& one) { return one["live"] == live; });
  EXPECT_EQ(process["completeness"], 1.0) << process["losses"];
  EXPECT_EQ(daemon.end().code, 0);
}

TEST_F(Serve, LeavesNothingInItsTargets) {
  write_config("");
  const auto target = start({"leak_ramp", "steady"});
  const auto sites = probe_sites(target->pid());
  {
    Daemon daemon(config());
    daemon.next("attached");
    EXPECT_FALSE(untouched(target->pid(), sites)) << "it did attach";
    const Outcome outcome = daemon.end();
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    const auto events = lines_of(outcome.output);
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.back()["event"], "detached");
  }
  EXPECT_TRUE(becomes_untouched(target->pid(), sites));
}

TEST_F(Serve, WatchesWhatItsConfigWants) {
  write_config("", "[[exclude]]\ncommand = \"--rate 20\"\n");
  const auto wanted = start({"leak_ramp", "steady", "--rate", "10"});
  const auto other = start({"leak_ramp", "steady", "--rate", "20"});
  Daemon daemon(config());
  EXPECT_EQ(daemon.next("attached")["pid"], wanted->pid());
  daemon.wait_for("/api/v1/processes",
                  [](const json& one) { return one["processes"].size() == 1; });

  // A config that is wrong changes nothing.
  std::ofstream(config()) << "interval = 7";
  daemon.signal(SIGHUP);
  const json refused = daemon.next("config_refused");
  EXPECT_NE(refused["why"].get<std::string>().find("serve.toml:1:12: "), std::string::npos);
  write_config("", "[[exclude]]\ncommand = \"--rate 10\"\n");
  daemon.signal(SIGHUP);
  EXPECT_EQ(daemon.next("detached")["pid"], wanted->pid());
  EXPECT_EQ(daemon.next("attached")["pid"], other->pid());
  EXPECT_EQ(daemon.end().code, 0);
}

TEST_F(Serve, GivesProfilesAsGoDoes) {
  write_config("");
  const auto target = start({"leak_ramp", "leak", "--rate", "100"});
  Daemon daemon(config());
  daemon.next("attached");
  const std::string path = "/debug/pprof/goroutine";
  const std::string ours = path + "?pid=" + std::to_string(target->pid());
  EXPECT_TRUE(daemon.get(ours).starts_with("\x1f\x8b")) << "gzip";
  EXPECT_TRUE(daemon.get(ours + "&debug=1").starts_with("goroutine profile: total "));
  EXPECT_NE(daemon.get(ours + "&debug=2").find("send_for_ever(...)"), std::string::npos);
  daemon.get(path, 400);
  daemon.get(ours + "&debug=3", 400);
  for (const char* wrong : {"0", "-1", "x", "301", "1&debug=1"}) {
    daemon.get(ours + "&seconds=" + wrong, 400);
  }
  daemon.get(path + "?pid=1", 404);
  daemon.get(path + "?pid=x", 404);

  // What it fetches it keeps, in a folder of its own.
  const auto pprof = [&](const std::string& options) {
    const Outcome outcome = run(
        {"/bin/sh", "-c", "PPROF_TMPDIR=" + folder_.string() + " exec go tool pprof " + options});
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    return outcome.output;
  };
  const std::string url = "'" + daemon.url() + ours + "'";
  EXPECT_NE(pprof("-top " + url).find("send_for_ever"), std::string::npos);
  EXPECT_NE(pprof("-list send_for_ever " + url).find("channel.send(1)"), std::string::npos);
  const std::string more = pprof("-top -diff_base " + url + " " + url);
  EXPECT_NE(more.find("Showing nodes accounting for"), std::string::npos) << more;

  // What would open in a browser.
  const std::filesystem::path opened = folder_ / "opened";
  std::filesystem::create_directory(opened);
  const Outcome web = run({"/bin/sh", "-c",
                           "export PPROF_TMPDIR=" + folder_.string() + " BROWSER='cp -t " +
                               opened.string() + "'; exec go tool pprof -web " + url});
  EXPECT_EQ(web.code, 0) << web.errors;
  std::ostringstream picture;
  for (const auto& file : std::filesystem::directory_iterator(opened)) {
    picture << std::ifstream(file.path()).rdbuf();
  }
  EXPECT_NE(picture.str().find("<svg"), std::string::npos) << web.errors;
  EXPECT_NE(picture.str().find("send_for_ever"), std::string::npos);

  // Of what is other after a second: those who leak.
  const std::string change = pprof("-top -seconds 1 " + url);
  EXPECT_NE(change.find("Duration: 1"), std::string::npos) << change;
  EXPECT_NE(change.find("send_for_ever"), std::string::npos) << change;
  EXPECT_EQ(daemon.end().code, 0);
}

TEST_F(Serve, ProfilesOfSecondsHoldUpNobody) {
  write_config("");
  const auto target = start({"leak_ramp", "steady"});
  Daemon daemon(config());
  daemon.next("attached");
  const std::string path =
      "/debug/pprof/goroutine?pid=" + std::to_string(target->pid()) + "&seconds=300";
  const auto ask = [&] {
    httplib::Client client(daemon.url());
    client.set_read_timeout(std::chrono::milliseconds(patience_ms));
    return client.Get(path);
  };
  // More than there are threads: beyond some all are sent away at once, whichever came first.
  std::vector<std::future<httplib::Result>> all;
  for (int i = 0; i < 6; ++i) all.push_back(std::async(std::launch::async, ask));
  const auto answered = [&all] {
    return std::count_if(all.begin(), all.end(), [](const auto& one) {
      return one.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    });
  };
  while (answered() < 4) usleep(10'000);
  EXPECT_EQ(daemon.get("/healthz"), "ok\n");
  EXPECT_EQ(answered(), 4);
  // Nor do they hold up its end; who waits is told, or hung up on.
  EXPECT_EQ(daemon.end().code, 0);
  int sent_away = 0;
  for (auto& one : all) {
    const httplib::Result answer = one.get();
    if (!answer) continue;
    EXPECT_EQ(answer->status, 503);
    if (answer->body.starts_with("the daemon ends")) continue;
    EXPECT_EQ(answer->get_header_value("Retry-After"), "300");
    ++sent_away;
  }
  EXPECT_EQ(sent_away, 4);
}

// Two such are all that are made at a time: they are not made for nobody.
TEST_F(Serve, WhoHangsUpIsMadeNoProfileOfSeconds) {
  write_config("");
  const auto target = start({"leak_ramp", "steady"});
  Daemon daemon(config());
  daemon.next("attached");
  const std::string path =
      "/debug/pprof/goroutine?pid=" + std::to_string(target->pid()) + "&seconds=";
  httplib::Client first(daemon.url());
  httplib::Client second(daemon.url());
  std::vector<std::future<void>> waiting;
  for (httplib::Client* client : {&first, &second}) {
    client->set_read_timeout(std::chrono::milliseconds(patience_ms));
    // Until it is hung up; the one that asks below may have come first.
    waiting.push_back(std::async(std::launch::async, [client, &path] {
      while (const auto answer = client->Get(path + "300")) EXPECT_EQ(answer->status, 503);
    }));
  }
  const auto becomes = [&](int status) {
    httplib::Client client(daemon.url());
    client.set_read_timeout(std::chrono::milliseconds(patience_ms));
    for (int i = 0; i < 1000; ++i) {
      const auto answer = client.Get(path + "1");
      if (answer && answer->status == status) return true;
      usleep(10'000);
    }
    return false;
  };
  EXPECT_TRUE(becomes(503));
  first.stop();
  second.stop();
  EXPECT_TRUE(becomes(200));
  EXPECT_EQ(daemon.end().code, 0);
}

TEST_F(Serve, SaysWhatItCanNotWatch) {
  write_config("");
  Daemon daemon(config());
  Child target({program("corrupt_table"), "version"}, labelled());
  const json lost = daemon.next("lost");
  EXPECT_EQ(lost["pid"], target.pid());
  EXPECT_NE(lost["why"], "");
  const json answer = daemon.wait_for("/api/v1/processes",
                                      [](const json& one) { return !one["unwatched"].empty(); });
  EXPECT_EQ(answer["unwatched"][0]["pid"], target.pid());
  EXPECT_EQ(daemon.end().code, 0);
}

TEST_F(Serve, LetsGoOfOneThatCanNotBeLookedAtAnyMore) {
  write_config("probes = \"census\"");
  const auto target = start({"corrupt_table", "main_thread_ends"});
  Daemon daemon(config());
  daemon.next("attached");
  target->write_line("change");
  const json detached = daemon.next("detached");
  EXPECT_EQ(detached["pid"], target->pid());
  EXPECT_NE(detached["why"].get<std::string>().find("its main thread has ended"), std::string::npos)
      << detached;
  EXPECT_EQ(daemon.get_json("/api/v1/processes")["processes"].size(), 0u);
  EXPECT_EQ(daemon.end().code, 0);
}

TEST_F(Serve, PostsItsVerdicts) {
  std::promise<std::string> posted;
  httplib::Server hook;
  std::atomic<bool> first{true};
  hook.Post("/hook", [&](const httplib::Request& request, httplib::Response&) {
    if (first.exchange(false)) posted.set_value(request.body);
  });
  const int port = hook.bind_to_any_port("127.0.0.1");
  std::thread server([&hook] { hook.listen_after_bind(); });
  write_config("patience = \"5s\"\nwebhook = \"http://127.0.0.1:" + std::to_string(port) +
               "/hook\"");
  Daemon daemon(config());
  const auto target = start({"leak_ramp", "leak", "--rate", "200"});
  const json opened = daemon.next("verdict_opened");
  std::future<std::string> came = posted.get_future();
  ASSERT_EQ(came.wait_for(std::chrono::milliseconds(patience_ms)), std::future_status::ready);
  EXPECT_EQ(json::parse(came.get()), opened);
  EXPECT_EQ(daemon.end().code, 0);
  hook.stop();
  server.join();
}

// What /proc/PID/status of a thread says after "Key:".
std::string status_of(const std::filesystem::path& thread, const std::string& key) {
  std::ifstream file(thread / "status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":\t")) return line.substr(key.size() + 2);
  }
  return "";
}

TEST_F(Serve, GivesUpWhatItDoesNotNeed) {
  write_config("");
  const auto target = start({"leak_ramp", "steady"});
  Daemon daemon(config());
  daemon.next("attached");
  // CAP_DAC_READ_SEARCH 2, CAP_SYS_PTRACE 19, CAP_SYS_ADMIN 21, CAP_PERFMON 38, CAP_BPF 39.
  const uint64_t admin = uprobe_multi_works() ? 0 : 1u << 21;
  const uint64_t most = 1u << 2 | 1u << 19 | admin | uint64_t{3} << 38;
  int threads = 0;
  for (const auto& thread :
       std::filesystem::directory_iterator("/proc/" + std::to_string(daemon.pid()) + "/task")) {
    ++threads;
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
      EXPECT_EQ(std::stoull(status_of(thread, set), nullptr, 16) & ~most, 0u) << set;
    }
    EXPECT_EQ(status_of(thread, "NoNewPrivs"), "1");
  }
  EXPECT_GT(threads, 1);
  EXPECT_EQ(daemon.end().code, 0);
}

// One of another test may be there, too, and end at any time.
TEST_F(Serve, ASecondDaemonIsNoticed) {
  write_config("");
  Daemon first(config());
  Daemon second(config());
  const std::string output = first.end().output + second.end().output;
  EXPECT_NE((first.told() + second.told() + output).find("\"another_daemon\""), std::string::npos);
}

TEST_F(Serve, BadConfigsAndOptionsAreRefused) {
  const auto refused = [&](std::vector<std::string> options, const std::string& text) {
    options.insert(options.begin(), "serve");
    const Outcome outcome = run(coroscope(options));
    expect_refused(outcome, 2, text);
  };
  std::ofstream(config()) << "\ninterval = 7";
  refused({"--config", config()}, config() + ":2:12: interval has to be a text in quotes");
  refused({"--config", config(), "--check-config"}, ":2:12: ");
  refused({"--config", "/nowhere"}, "cannot read /nowhere: No such file");
  refused({"--listen", "here"}, "--listen: 'here' is no address");
  refused({"--listen", "0.0.0.0:0"}, "needs http.token_file");
  refused({"--interval", "1ms"}, "--interval: the shortest is 100.0 ms");
  refused({"--events", "/nowhere/events"}, "cannot write events to /nowhere/events");
  write_config("");
  const Outcome good = run(coroscope({"serve", "--config", config(), "--check-config"}));
  EXPECT_EQ(good.code, 0) << good.errors;
  EXPECT_NE(good.output.find("is good: 1 rule to watch"), std::string::npos) << good.output;
}

}  // namespace
}  // namespace coroscope::testing
