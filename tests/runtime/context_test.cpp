// SPDX-License-Identifier: Apache-2.0
// What a coroutine keeps across a switch.
#include <fenv.h>
#include <gtest/gtest.h>

#include "coro/coro.h"

namespace {

volatile double one = 1;
volatile double three = 3;

// In the current rounding mode, at run time; also raises the inexact flag.
double third() {
  return one / three;
}

class ContextTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
};
INSTANTIATE_TEST_SUITE_P(Workers, ContextTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(ContextTest, RoundingStaysWithItsCoroutine) {
  const double nearest = third();
  scheduler_.run([nearest] {
    coro::WaitGroup group;
    for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TONEAREST, FE_TOWARDZERO, FE_UPWARD}) {
      group.add(1);
      coro::go([mode, &group] {
        fesetround(mode);
        const double mine = third();
        for (int i = 0; i < 100; ++i) {
          coro::yield();
          EXPECT_EQ(fegetround(), mode);
          EXPECT_EQ(third(), mine);
          if (i % 10 == 0) feclearexcept(FE_ALL_EXCEPT);
        }
        fesetround(FE_TONEAREST);
        group.done();
      });
    }
    group.wait();
    EXPECT_EQ(fegetround(), FE_TONEAREST);
    EXPECT_EQ(third(), nearest);
  });
  scheduler_.wait_empty();
}

TEST_P(ContextTest, RoundingIsInherited) {
  scheduler_.run([] {
    fesetround(FE_UPWARD);
    coro::WaitGroup group;
    group.add(1);
    coro::go([&group] {
      EXPECT_EQ(fegetround(), FE_UPWARD);
      group.done();
    });
    fesetround(FE_TONEAREST);
    group.wait();
  });
  scheduler_.wait_empty();
}

}  // namespace
