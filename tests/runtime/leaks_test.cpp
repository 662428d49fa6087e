// SPDX-License-Identifier: Apache-2.0
#include "coro/testing/leaks.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "coro/coro.h"
#include "coro/testing/leak_listener.h"

namespace {

using coro::testing::Ignore;
using coro::testing::IgnoreAnyFunction;
using coro::testing::IgnoreCreatedBy;
using coro::testing::IgnoreCurrent;
using coro::testing::IgnoreLabel;
using coro::testing::IgnoreTopFunction;
using coro::testing::Leak;
using coro::testing::LeakListener;
using coro::testing::LeakListenerOptions;
using coro::testing::LeakOptions;
using coro::testing::LeakScope;
using coro::testing::LeakWatch;

// Tests leave coroutines on purpose: one look does.
LeakOptions one_look(std::vector<Ignore> ignore = {}) {
  return {.ignore = std::move(ignore), .looks = 1};
}

LeakListenerOptions quick_listener(LeakScope scope = LeakScope::test) {
  return {.scope = scope, .looks = 1, .even_if_failed = true};
}

__attribute__((noinline)) void wait_for_news(coro::Channel<int>& news) {
  static_cast<void>(news.receive());
  asm volatile("" ::: "memory");
}

__attribute__((noinline)) void subscribe(coro::Channel<int>& news) {
  coro::go([&news] {  // by reference: whoever is freed runs no destructor
    coro::set_name("reader");
    coro::set_label("paper", "daily");
    wait_for_news(news);
    asm volatile("" ::: "memory");  // a call, not a jump: its caller stays on the stack
  });
  asm volatile("" ::: "memory");
}

coro::Task<void> await_news(coro::Channel<int> news) {
  static_cast<void>(co_await news.async_receive());
}

class Leaks : public testing::Test {
 protected:
  void subscribe_some(int count) {
    scheduler->run([this, count] {
      for (int i = 0; i < count; ++i) subscribe(news);
    });
    wait_idle();
  }
  // Whoever has not ended waits.
  void wait_idle() const {
    while (scheduler->idle_workers() != scheduler->workers()) std::this_thread::yield();
  }
  void end() {
    news.close();
    scheduler->wait_empty();
  }

  coro::Channel<int> news{0};
  std::optional<coro::Scheduler> scheduler{std::in_place, coro::SchedulerOptions{.workers = 2}};
};

TEST_F(Leaks, AreThoseThatCameAndStay) {
  subscribe_some(1);
  LeakWatch watch(one_look());
  EXPECT_TRUE(watch.find().empty()) << "it was there before";
  subscribe_some(2);
  const std::vector<Leak> leaks = watch.find();
  ASSERT_EQ(leaks.size(), 2u);
  EXPECT_EQ(leaks[0].coroutine.name, "reader");
  EXPECT_EQ(leaks[0].coroutine.state, "chan receive");
  EXPECT_TRUE(leaks[0].coroutine.waits);
  EXPECT_NE(leaks[0].coroutine.parent_id, 0u);
  EXPECT_FALSE(leaks[0].freed);
  EXPECT_GE(leaks[0].coroutine.age, leaks[0].coroutine.waited);
  end();
  EXPECT_TRUE(watch.find().empty());
}

TEST_F(Leaks, AreToldTogetherIfAlike) {
  LeakWatch watch(one_look());
  subscribe_some(3);
  const std::string text = describe(watch.find());
  EXPECT_EQ(text.find("3 coroutines, for example coroutine "), 0u) << text;
  EXPECT_NE(text.find(" \"reader\" [chan receive, "), text.npos) << text;
  EXPECT_NE(text.find(" {paper=daily}, "), text.npos) << text;
  EXPECT_NE(text.find(" old:\n"), text.npos) << text;
  const std::size_t waits = text.find("wait_for_news(coro::Channel<int>&) (runtime_tests+0x");
  const std::size_t created = text.find("\ncreated by\n");
  const std::size_t began = text.find("::subscribe(coro::Channel<int>&)", created);
  EXPECT_LT(waits, created) << text;
  EXPECT_NE(began, text.npos) << text;
  end();
}

TEST_F(Leaks, MayEndWhileOneWaits) {
  LeakWatch watch({.looks = 600});  // with its pauses: a minute
  scheduler->run([] { coro::go([] { coro::sleep_for(std::chrono::milliseconds(50)); }); });
  EXPECT_TRUE(watch.find().empty());
}

TEST_F(Leaks, OfASchedulerThatEnds) {
  LeakWatch watch(one_look());
  subscribe_some(2);
  scheduler->go(await_news(news));
  wait_idle();
  scheduler.reset();
  EXPECT_EQ(coro::debug::count(), 0u);
  const std::vector<Leak> leaks = watch.find();
  ASSERT_EQ(leaks.size(), 3u);
  for (const Leak& leak : leaks) EXPECT_TRUE(leak.freed);
  const std::string text = describe(leaks);
  EXPECT_NE(text.find(" old, freed with its scheduler:\n"), text.npos) << text;
  EXPECT_NE(text.find("wait_for_news("), text.npos) << text;
  EXPECT_NE(text.find("await_news("), text.npos) << text;
  EXPECT_NE(text.find("leaks_test.cpp:"), text.npos) << text;
}

TEST_F(Leaks, OfASchedulerThatEndsGetTime) {
  LeakWatch watch({.looks = 600});
  scheduler->run([] { coro::go([] { coro::sleep_for(std::chrono::milliseconds(50)); }); });
  scheduler.reset();
  EXPECT_TRUE(watch.find().empty());
}

TEST_F(Leaks, OfASchedulerWithoutThreads) {
  LeakWatch watch(one_look());
  coro::Scheduler here({.workers = 0});
  here.run([this] {
    subscribe(news);
    coro::yield();
  });
  EXPECT_EQ(watch.find().size(), 1u);
}

TEST_F(Leaks, BeyondAThousandFreedAreCounted) {
  LeakWatch watch(one_look());
  subscribe_some(1005);
  scheduler.reset();
  EXPECT_EQ(watch.find().size(), 1000u);
  EXPECT_EQ(watch.not_kept(), 5u);
}

TEST_F(Leaks, CanBeIgnored) {
  struct Case {
    Ignore ignore;
    bool matches;
  };
  const std::vector<Case> cases = {
      {IgnoreTopFunction("wait_for_news"), true},
      {IgnoreTopFunction("(anonymous namespace)::wait_for_news"), false},
      {IgnoreTopFunction("wait_for_new"), false},
      {IgnoreTopFunction("for_news"), false},
      {IgnoreTopFunction("subscribe"), false},
      {IgnoreTopFunction("Channel"), false},
      {IgnoreAnyFunction("subscribe"), true},  // a lambda in it
      {IgnoreAnyFunction("wait_for_news"), true},
      {IgnoreAnyFunction("TestBody"), false},
      {IgnoreCreatedBy("subscribe"), true},
      {IgnoreCreatedBy("wait_for_news"), false},
      {IgnoreLabel("paper", "daily"), true},
      {IgnoreLabel("paper", "weekly"), false},
      {IgnoreLabel("daily", "paper"), false},
      {IgnoreCurrent(), false},
      {Ignore([](const coro::debug::Coroutine& one) { return one.name == "reader"; }), true},
  };
  LeakWatch watch(one_look());
  subscribe_some(1);
  const std::vector<Leak> leaks = watch.find();
  ASSERT_EQ(leaks.size(), 1u);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(cases[i].ignore.matches(leaks[0].coroutine), cases[i].matches) << i << "\n"
                                                                             << describe(leaks);
  }
  EXPECT_TRUE(IgnoreCurrent().matches(leaks[0].coroutine));
  LeakWatch indulgent(one_look({IgnoreLabel("paper", "daily")}));
  subscribe_some(1);
  EXPECT_TRUE(indulgent.find().empty());
  EXPECT_EQ(watch.find().size(), 2u);
  end();
}

coro::debug::Coroutine with_top(const std::string& function) {
  coro::debug::Coroutine coroutine;
  coroutine.frames = {{.function = "void coro::detail::park<int>(std::vector<int>)"},
                      {.function = "std::optional<int> coro::Channel<int>::receive()"},
                      {.function = function},
                      {.function = "outer()"}};
  return coroutine;
}

TEST(IgnoredFunctions, AreNamedWithoutTheirParameters) {
  for (const char* name :
       {"serve()", "void pool::serve<int>(std::map<int, int>)", "pool::Worker::serve(int) const",
        "(anonymous namespace)::serve(int)::{lambda(int)#1}::operator()(int) const",
        "coro::Task<void> pool::serve(coro::Channel<int>)", "serve", "serve(int) [clone .cold]"}) {
    EXPECT_TRUE(IgnoreTopFunction("serve").matches(with_top(name))) << name;
    EXPECT_FALSE(IgnoreTopFunction("outer").matches(with_top(name))) << name;
    EXPECT_FALSE(IgnoreTopFunction("receive").matches(with_top(name))) << name;
    EXPECT_TRUE(IgnoreAnyFunction("outer").matches(with_top(name))) << name;
  }
  for (const char* name :
       {"observe()", "serve_all()", "run(serve)", "run<serve>()", "", "serve::run()"}) {
    EXPECT_FALSE(IgnoreTopFunction("serve").matches(with_top(name))) << name;
  }
  EXPECT_TRUE(IgnoreTopFunction("pool::serve").matches(with_top("void a::pool::serve<int>()")));
  EXPECT_FALSE(IgnoreTopFunction("pool::serve").matches(with_top("void whirlpool::serve()")));
}

// The compiler leaves the function itself out.
TEST(IgnoredFunctions, AreFoundWhereTheRuntimeCallsThem) {
  const std::string begin = "void coro::detail::run_closure<";
  for (const std::string& closure : {begin + "serve(int)::{lambda()#1}>(void*)",
                                     begin + "(anonymous namespace)::serve()::{lambda()#1}>(void*)",
                                     begin + "coro::Scheduler::run<serve(std::vector<int>)::{"
                                             "lambda()#1}>(int&&)::{lambda()#1}>(void*)"}) {
    coro::debug::Coroutine coroutine;
    coroutine.frames = {{.function = "coro::yield()"}, {.function = closure}, {.function = "main"}};
    EXPECT_TRUE(IgnoreTopFunction("serve").matches(coroutine)) << closure;
    EXPECT_FALSE(IgnoreTopFunction("main").matches(coroutine)) << closure;
    EXPECT_FALSE(IgnoreAnyFunction("vector").matches(coroutine)) << closure;
  }
}

TEST(IgnoredFunctions, HaveAName) {
  EXPECT_THROW(IgnoreTopFunction(""), coro::UsageError);
  EXPECT_THROW(LeakWatch({.looks = 0}), coro::UsageError);
}

TEST_F(Leaks, FailTheirTest) {
  LeakListener listener(quick_listener());
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  listener.OnTestStart(test);
  listener.OnTestEnd(test);
  listener.OnTestStart(test);
  subscribe_some(1);
  EXPECT_NONFATAL_FAILURE(listener.OnTestEnd(test),
                          "coroutines of this test are left:\n\ncoroutine ");
  listener.OnTestStart(test);
  listener.OnTestEnd(test);  // another's
  listener.OnTestIterationStart(*testing::UnitTest::GetInstance(), 0);
  subscribe_some(1);
  listener.OnTestIterationEnd(*testing::UnitTest::GetInstance(), 0);
  end();
}

TEST_F(Leaks, FailTheirProgram) {
  LeakListener listener(quick_listener(LeakScope::program));
  const testing::UnitTest& program = *testing::UnitTest::GetInstance();
  listener.OnTestIterationStart(program, 0);
  listener.OnTestStart(*program.current_test_info());
  subscribe_some(1);
  listener.OnTestEnd(*program.current_test_info());
  EXPECT_NONFATAL_FAILURE(listener.OnTestIterationEnd(program, 0),
                          "coroutines of this program are left");
  end();
}

}  // namespace
