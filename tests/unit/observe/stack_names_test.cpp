// SPDX-License-Identifier: Apache-2.0
#include "observe/stack_names.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "fake_target.h"

namespace coroscope {
namespace {

class Places : public testing::Test {
 protected:
  Places()
      : process_(std::move(Process::open(getpid())).value()),
        memory_(std::move(ProcessMemory::open(process_)).value()),
        symbolizer_(std::move(Symbolizer::open(process_, memory_)).value()),
        names(*symbolizer_, target) {}

  UnwoundContext intern(const std::vector<uint64_t>& places, bool complete = true) {
    ParkedContext context;
    context.places = places;
    context.places_complete = complete;
    return names.intern(context);
  }

  FakeTarget target;

 private:
  Process process_;
  ProcessMemory memory_;
  std::unique_ptr<Symbolizer> symbolizer_;

 protected:
  StackNames names;
};

TEST_F(Places, HaveTheNamesThatTheTargetTells) {
  target.places[8] = {"void coro::sleep(coro::sleep()::_Z5sleepv.Frame*)", "sleep.h", 9};
  target.places[16] = {"coro::Task<int> fetch\x1b(int)", "/src/fe\ntch.cpp", 57};
  const UnwoundContext context = intern({8, 16, 24});
  EXPECT_TRUE(context.complete);
  const ReportedStack stack = names.parked_frames(context.stack);
  ASSERT_EQ(stack.size(), 3u);
  EXPECT_EQ(stack[0].function, "coro::sleep");
  EXPECT_TRUE(stack[0].runtime);
  EXPECT_EQ(stack[1].function, "fetch?");
  EXPECT_EQ(stack[1].file, "/src/fe?tch.cpp");
  EXPECT_EQ(stack[1].line, 57u);
  EXPECT_EQ(stack[1].address, 16u);
  EXPECT_TRUE(stack[1].await);
  EXPECT_EQ(stack[2].function, "(place not known)");
}

TEST_F(Places, TheSameAreTheSameStack) {
  const ParkedStack one = intern({8, 16}).stack;
  EXPECT_GE(one, first_parked_stack);
  EXPECT_EQ(intern({8, 16}).stack, one);
  EXPECT_NE(intern({8}).stack, one);
  EXPECT_FALSE(intern({8, 24}, false).complete);
}

TEST_F(Places, AreNoCodeEvenIfTheyLookLikeIt) {
  const auto code = reinterpret_cast<uint64_t>(&getpid);
  const ReportedStack stack = names.parked_frames(intern({code}).stack);
  ASSERT_EQ(stack.size(), 1u);
  EXPECT_EQ(stack[0].function, "(place not known)");
}

}  // namespace
}  // namespace coroscope
