// SPDX-License-Identifier: Apache-2.0
#include "coro/debug.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>

#include "coro/coro.h"
#include "published.h"

namespace {

class DebugTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler{{.workers = GetParam(), .require_empty = true}};
};
INSTANTIATE_TEST_SUITE_P(Workers, DebugTest, testing::Values(0u, 1u, 2u, 8u));

std::string dump(const coro::debug::DumpOptions& options = {}) {
  std::ostringstream stream;
  coro::debug::dump(stream, options);
  return stream.str();
}

std::string dump_to_file() {
  int pipes[2];
  EXPECT_EQ(pipe2(pipes, O_CLOEXEC), 0);
  std::string text;
  std::thread reader([&] {
    char buffer[4096];
    for (ssize_t got; (got = read(pipes[0], buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(got));
    }
  });
  coro::debug::dump(pipes[1]);
  close(pipes[1]);
  reader.join();
  close(pipes[0]);
  return text;
}

// The part of a dump that is about one coroutine.
std::string entry_of(const std::string& text, std::uint64_t id) {
  std::size_t begin = ("\n" + text).find("\ncoroutine " + std::to_string(id) + " ");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find("\n\n", begin) - begin);
}

__attribute__((noinline)) void wait_for_a_letter(coro::Channel<int>& letters) {
  static_cast<void>(letters.receive());
  asm volatile("" ::: "memory");
}

__attribute__((noinline)) void hire_postman(coro::Channel<int> letters,
                                            std::atomic<std::uint64_t>& id) {
  coro::go([letters, &id]() mutable {
    coro::set_name("postman");
    coro::set_label("district", "north");
    coro::set_label("area", "7");
    id = coro::current_id();
    wait_for_a_letter(letters);
  });
}

void expect_in(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << part << " is not in:\n" << text;
}

TEST_P(DebugTest, TellsWhatAParkedCoroutineDoesAndWhereItIsFrom) {
  coro::Channel<int> letters(0);
  std::atomic<std::uint64_t> id{0};
  std::uint64_t parent = 0;
  const auto check = [&](const std::string& text) {
    const std::string entry = entry_of(text, id);
    expect_in(entry, "\"postman\" [chan receive, ");
    expect_in(entry, "] {area=7, district=north}:\n");
    expect_in(entry, "wait_for_a_letter");
    expect_in(entry, "created by coroutine " + std::to_string(parent) + "\n");
    expect_in(entry.substr(entry.find("created by")), "hire_postman");
    expect_in(entry, " (runtime_tests+0x");
  };
  scheduler.run([&] {
    parent = coro::current_id();
    hire_postman(letters, id);
    while (id == 0 || read_header(*find_header(id))->state != CORO_STATE_PARKED) coro::yield();
    check(dump());
    check(dump_to_file());
  });
  check(dump());
  expect_in(dump(), "wait_for_a_letter(coro::Channel<int>&)+0x");
  letters.close();
  scheduler.wait_empty();
}

__attribute__((noinline)) std::string dump_myself() {
  std::string text = dump();
  asm volatile("" ::: "memory");
  return text;
}

TEST_P(DebugTest, TellsTheStackOfWhoAsks) {
  scheduler.run([] {
    const std::string entry = entry_of(dump_myself(), coro::current_id());
    expect_in(entry, " [running]:\n");
    expect_in(entry, "dump_myself");
  });
}

TEST_P(DebugTest, TellsRunnableAndNewOnes) {
  scheduler.run([] {
    std::atomic<bool> stop{false};
    std::uint64_t id = 0;
    for (int i = 0; i < 20; ++i) {
      coro::go([&stop] {
        while (!stop) coro::yield();
      });
    }
    for (int i = 0; i < 20; ++i) {
      const std::string text = dump();
      expect_in(entry_of(text, coro::current_id()), "running");
      coro::yield();
    }
    static_cast<void>(id);
    stop = true;
    while (coro::debug::count() != 1) coro::yield();
  });
  scheduler.wait_empty();
  EXPECT_EQ(coro::debug::count(), 0u);
  EXPECT_EQ(dump(), "0 coroutines\n\n");
}

coro::Task<void> await_a_letter(coro::Channel<int>& letters) {
  static_cast<void>(co_await letters.async_receive());
}

coro::Task<void> be_postman(coro::Channel<int>& letters, std::atomic<std::uint64_t>& id) {
  id = coro::current_id();
  co_await await_a_letter(letters);
}

TEST_P(DebugTest, TellsTheChainOfATask) {
  coro::Channel<int> letters(0);
  std::atomic<std::uint64_t> id{0};
  scheduler.run([&] {
    coro::go(be_postman(letters, id));
    while (id == 0 || read_header(*find_header(id))->state != CORO_STATE_PARKED) coro::yield();
    const std::string entry = entry_of(dump(), id);
    expect_in(entry, " [chan receive, ");
    const std::size_t inner = entry.find("await_a_letter(");
    const std::size_t outer = entry.find("be_postman(");
    ASSERT_NE(inner, std::string::npos) << entry;
    ASSERT_NE(outer, std::string::npos) << entry;
    EXPECT_LT(inner, outer);
    expect_in(entry, "debug_test.cpp:");
    letters.close();
  });
  scheduler.wait_empty();
}

TEST_P(DebugTest, GroupsThoseThatAreAlike) {
  coro::Channel<int> letters(0);
  scheduler.run([&] {
    std::atomic<std::uint64_t> id{0};
    for (int i = 0; i < 50; ++i) {
      id = 0;
      hire_postman(letters, id);
      while (id == 0 || read_header(*find_header(id))->state != CORO_STATE_PARKED) coro::yield();
    }
    const std::string text = dump({.group = true});
    EXPECT_EQ(text.find("51 coroutines\n\n50 coroutines [chan receive, "), 0u) << text;
    expect_in(text, "wait_for_a_letter");
    expect_in(text, ", ...\n");
    letters.close();
  });
  scheduler.wait_empty();
}

// Coroutines come, go and change their names while others read.
TEST_P(DebugTest, MayBeAskedAtAnyTime) {
  if (GetParam() == 0) {  // nothing else runs meanwhile
    EXPECT_EQ(dump(), "0 coroutines\n\n");
    return;
  }
  std::atomic<bool> stop{false};
  for (int i = 0; i < 10; ++i) {
    scheduler.go([&stop, i] {
      coro::WaitGroup group;
      for (int round = 0; !stop; ++round) {
        coro::set_label("round", std::to_string(round));
        group.add(1);
        coro::go([&group, i] {
          coro::set_name(std::string(static_cast<std::size_t>(i) * 100, 'n'));
          coro::yield();
          group.done();
        });
        group.wait();
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_NE(dump({.group = i % 2 == 0}).find("0 coroutines"), 0u);
  }
  stop = true;
  scheduler.wait_empty();
}

// Whole schedulers, and their stacks, end while others read.
TEST(Debug, WhileSchedulersComeAndGo) {
  std::atomic<bool> stop{false};
  std::thread churn([&stop] {
    while (!stop) {
      coro::Scheduler scheduler({.workers = 2});
      scheduler.run([] {
        for (int i = 0; i < 20; ++i) {
          coro::go([] { static_cast<void>(coro::Channel<int>().receive()); });
        }
        coro::yield();
      });
    }
  });
  for (int i = 0; i < 200; ++i) dump();
  stop = true;
  churn.join();
}

// What is written to stderr while it lives.
class CapturedErrors {
 public:
  CapturedErrors() {
    EXPECT_EQ(pipe2(pipes_, O_CLOEXEC), 0);
    dup2(pipes_[1], 2);
    close(pipes_[1]);
  }
  ~CapturedErrors() {
    dup2(former_, 2);
    close(former_);
    close(pipes_[0]);
  }
  // Reads until `text` has come.
  void wait_for(const std::string& text) {
    char buffer[4096];
    for (std::size_t found; (found = read_.find(text)) == std::string::npos;) {
      const ssize_t got = read(pipes_[0], buffer, sizeof buffer);
      ASSERT_GT(got, 0);
      read_.append(buffer, static_cast<std::size_t>(got));
    }
    read_.erase(0, read_.find(text) + text.size());
  }

 private:
  int former_ = dup(2);
  int pipes_[2]{};
  std::string read_;
};

TEST(Debug, OnSignals) {
  coro::debug::dump_on_signal(SIGQUIT);
  coro::Scheduler scheduler({.workers = 2, .require_empty = true});
  std::atomic<bool> stop{false};
  for (int i = 0; i < 8; ++i) {
    scheduler.go([&stop] {
      coro::Channel<std::string> texts(1);
      while (!stop) {
        coro::go([texts]() mutable { texts.send(std::string(100, 'x')); });
        EXPECT_EQ(texts.receive()->size(), 100u);
      }
    });
  }
  {
    CapturedErrors errors;
    for (int i = 0; i < 200; ++i) {
      kill(getpid(), SIGQUIT);
      errors.wait_for(" coroutines\n\ncoroutine ");
    }
    stop = true;
    scheduler.wait_empty();
    kill(getpid(), SIGQUIT);
    errors.wait_for("\n0 coroutines\n\n");
  }
}

TEST(Debug, SignalsThatCannotBeHandled) {
  EXPECT_THROW(coro::debug::dump_on_signal(SIGKILL), std::system_error);
}

TEST(Debug, GroupsOfNone) {
  EXPECT_EQ(dump({.group = true}), "0 coroutines\n\n");
}

}  // namespace
