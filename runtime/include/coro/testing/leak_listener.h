// SPDX-License-Identifier: Apache-2.0
// For tests with GoogleTest, which whoever includes this has: the library does not
// need it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coro/testing/leaks.h"

namespace coro::testing {

enum class LeakScope {
  // Each test: from before its fixture is made until after that is destroyed.
  test,
  // All of the program, environments and test suites included. The program fails; of
  // --gtest_repeat each round is one.
  program,
};

struct LeakListenerOptions {
  LeakScope scope = LeakScope::test;

  // As in LeakOptions.
  std::vector<Ignore> ignore = {};
  unsigned looks = LeakOptions{}.looks;
  std::chrono::nanoseconds longest_pause = LeakOptions{}.longest_pause;

  // Also in tests that have failed: those often leave something, for that reason only.
  bool even_if_failed = false;
};

// LeakListener fails tests that leave coroutines behind. In main, before RUN_ALL_TESTS:
//
//   coro::testing::LeakListener::install();
//
// What was there when the test began is not its leak; nor is what another test left.
class LeakListener : public ::testing::EmptyTestEventListener {
 public:
  explicit LeakListener(LeakListenerOptions options = {}) : options_(std::move(options)) {}

  static void install(LeakListenerOptions options = {}) {
    ::testing::UnitTest::GetInstance()->listeners().Append(new LeakListener(std::move(options)));
  }

  void OnTestStart(const ::testing::TestInfo&) override {
    if (options_.scope == LeakScope::test) begin();
  }
  void OnTestEnd(const ::testing::TestInfo& test) override {
    if (options_.scope != LeakScope::test) return;
    check(test.result()->Failed(), test.file(), test.line(), "this test");
  }

  void OnTestIterationStart(const ::testing::UnitTest&, int) override {
    if (options_.scope == LeakScope::program) begin();
  }
  void OnTestIterationEnd(const ::testing::UnitTest& program, int) override {
    if (options_.scope != LeakScope::program) return;
    check(program.Failed(), "LeakListener", -1, "this program");
  }

 private:
  void begin() {
    watch_.emplace(LeakOptions{.ignore = options_.ignore,
                               .looks = options_.looks,
                               .longest_pause = options_.longest_pause});
  }

  void check(bool failed, const char* file, int line, const std::string& what) {
    if (watch_ && (!failed || options_.even_if_failed)) {
      const std::vector<Leak> leaks = watch_->find();
      if (!leaks.empty()) {
        ADD_FAILURE_AT(file, line) << "coroutines of " << what << " are left:\n\n"
                                   << describe(leaks) << not_kept();
      }
    }
    watch_.reset();
  }

  [[nodiscard]] std::string not_kept() const {
    const std::uint64_t count = watch_->not_kept();
    return count == 0 ? "" : "and " + std::to_string(count) + " that are not told\n";
  }

  LeakListenerOptions options_;
  std::optional<LeakWatch> watch_;
};

}  // namespace coro::testing
