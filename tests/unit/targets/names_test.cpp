// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/names.h"

#include <coro/abi.h>
#include <gtest/gtest.h>

namespace coroscope::coro {
namespace {

TEST(ReasonNames, OfWhatIsNewerAreNumbers) {
  EXPECT_EQ(reason_name(CORO_REASON_MUTEX_LOCK), "sync.Mutex.Lock");
  EXPECT_EQ(reason_name(CORO_REASON_NONE), "none");
  EXPECT_EQ(reason_name(99), "reason 99");
}

TEST(ReasonNames, OnlyThoseThatAreKnownToNameNobodySayNo) {
  EXPECT_TRUE(may_wait_for_one(CORO_REASON_MUTEX_LOCK));
  EXPECT_TRUE(may_wait_for_one(CORO_REASON_RWMUTEX_RLOCK));
  EXPECT_TRUE(may_wait_for_one(CORO_REASON_JOIN));
  EXPECT_TRUE(may_wait_for_one(99)) << "who knows";
  EXPECT_FALSE(may_wait_for_one(CORO_REASON_CHAN_SEND));
  EXPECT_FALSE(may_wait_for_one(CORO_REASON_NONE));
}

}  // namespace
}  // namespace coroscope::coro
