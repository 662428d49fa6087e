// SPDX-License-Identifier: Apache-2.0
#include "proc/memory_limit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace coroscope {
namespace {

const char* const meminfo = "MemTotal: 9000 kB\nMemAvailable:    4000 kB\nBuffers: 1 kB\n";

// Control groups a/b below a root of our own.
class MemoryLimit : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "cgroups." + std::to_string(::getpid());
    std::filesystem::create_directories(root_ + "/a/b");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& file, const std::string& text) {
    std::ofstream(root_ + file) << text << '\n';
  }

  std::string root_;
};

TEST_F(MemoryLimit, IsTheLeastOfAllGroupsAndTheHost) {
  write("/a/memory.max", "1000000");
  write("/a/memory.current", "400000");
  write("/a/b/memory.max", "max");
  write("/a/b/memory.current", "300000");
  const auto left = memory_left("0::/a/b\n", root_, meminfo);
  ASSERT_TRUE(left);
  EXPECT_EQ(left->bytes, 600'000u);
  EXPECT_TRUE(left->of_cgroup);
  write("/a/b/memory.max", "300001");
  EXPECT_EQ(memory_left("1:name=systemd:/x\n0::/a/b\n", root_, meminfo)->bytes, 1u);
  write("/a/b/memory.max", "299999");
  EXPECT_EQ(memory_left("0::/a/b\n", root_, meminfo)->bytes, 0u) << "it may be beyond it";
}

TEST_F(MemoryLimit, WithoutALimitOfItsOwnItIsTheHosts) {
  for (const char* cgroup : {"", "0::/\n", "0::/nowhere\n", "0::/../outside\n", "2:memory:/a\n"}) {
    const auto left = memory_left(cgroup, root_, meminfo);
    ASSERT_TRUE(left) << cgroup;
    EXPECT_EQ(left->bytes, 4'096'000u);
    EXPECT_FALSE(left->of_cgroup);
  }
  EXPECT_FALSE(memory_left("", root_, "MemFree: 3 kB\n"));
  EXPECT_FALSE(memory_left("", root_, "MemAvailable: much\n"));
}

TEST(MemoryLeftOfThisProcess, IsKnown) {
  const auto self = Process::open(::getpid());
  ASSERT_TRUE(self);
  const auto left = memory_left(*self);
  ASSERT_TRUE(left);
  EXPECT_GT(left->bytes, 0u);
}

}  // namespace
}  // namespace coroscope
