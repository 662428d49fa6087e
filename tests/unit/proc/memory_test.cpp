// SPDX-License-Identifier: Apache-2.0
#include "proc/memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cstring>
#include <optional>
#include <vector>

#include "child.h"

namespace coroscope {
namespace {

constexpr size_t page = 4096;

uint64_t address_of(const void* pointer) {
  return reinterpret_cast<uint64_t>(pointer);
}

// Three pages of which the middle one can not be read, the same here and in
// every child forked later. Byte i of the whole is i modulo 251.
class Pages {
 public:
  Pages() {
    base_ = static_cast<uint8_t*>(
        ::mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (size_t i = 0; i < 3 * page; i++) base_[i] = expected(i);
    ::munmap(base_ + page, page);
  }
  ~Pages() {
    ::munmap(base_, page);
    ::munmap(base_ + 2 * page, page);
  }

  uint64_t at(size_t offset) const { return address_of(base_ + offset); }
  static uint8_t expected(size_t offset) { return static_cast<uint8_t>(offset % 251); }

 private:
  uint8_t* base_;
};

class MemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(child_.ready());
    Result<Process> process = Process::open(child_.pid());
    ASSERT_TRUE(process.ok()) << process.error().message;
    Result<ProcessMemory> memory = ProcessMemory::open(*process);
    ASSERT_TRUE(memory.ok()) << memory.error().message;
    memory_.emplace(std::move(*memory));
  }

  Pages pages_;
  Child child_;
  std::optional<ProcessMemory> memory_;
};

TEST_F(MemoryTest, ReadsAChild) {
  std::vector<uint8_t> bytes(page);
  ASSERT_TRUE(memory_->read(pages_.at(0), bytes.data(), page));
  for (size_t i = 0; i < page; i++) ASSERT_EQ(bytes[i], Pages::expected(i)) << i;
  uint32_t value = 0;
  EXPECT_TRUE(memory_->read_value(pages_.at(4), &value));
  EXPECT_EQ(value, 0x07060504u);
}

TEST_F(MemoryTest, AReadIsWholeOrFails) {
  std::vector<uint8_t> bytes(3 * page);
  EXPECT_FALSE(memory_->read(pages_.at(page), bytes.data(), 1));
  EXPECT_FALSE(memory_->read(pages_.at(page - 1), bytes.data(), 2));
  EXPECT_FALSE(memory_->read(pages_.at(0), bytes.data(), 3 * page));
  EXPECT_FALSE(memory_->read(0, bytes.data(), 1));
  EXPECT_FALSE(memory_->read(UINT64_MAX, bytes.data(), 1));
  EXPECT_FALSE(memory_->read(UINT64_MAX - 4, bytes.data(), 8));
  EXPECT_FALSE(memory_->read(uint64_t{1} << 63, bytes.data(), 8));
  EXPECT_FALSE(memory_->read(pages_.at(0), bytes.data(), SIZE_MAX));
  EXPECT_FALSE(memory_->read(pages_.at(0), bytes.data(), Memory::max_read + 1));
  EXPECT_TRUE(memory_->read(0, nullptr, 0));
}

// Every third request touches the page that is not there, in every way it can.
TEST_F(MemoryTest, UnreadableRequestsDoNotSpoilTheOthers) {
  constexpr size_t count = 5000;
  constexpr size_t size = 16;
  std::vector<uint8_t> bytes(count * size);
  std::vector<Memory::Request> requests(count);
  const auto bad = [](size_t i) { return i % 3 == 1 || (i >= 1500 && i < 1600); };
  const auto offset_of = [&](size_t i) {
    if (!bad(i)) return i % 2 == 0 ? i % (page - size) : 2 * page + i % (page - size);
    return i % 2 == 0 ? page + i % (page - size) : page - size / 2;
  };
  size_t readable = 0;
  for (size_t i = 0; i < count; i++) {
    requests[i] = {pages_.at(offset_of(i)), &bytes[i * size], size, bad(i)};
    if (!bad(i)) readable++;
  }
  EXPECT_EQ(memory_->read_many(requests), readable);
  for (size_t i = 0; i < count; i++) {
    ASSERT_EQ(requests[i].ok, !bad(i)) << i;
    for (size_t b = 0; requests[i].ok && b < size; b++) {
      ASSERT_EQ(bytes[i * size + b], Pages::expected(offset_of(i) + b)) << i;
    }
  }
}

TEST_F(MemoryTest, BatchesMixSizesAndNonsense) {
  std::vector<uint8_t> bytes(page);
  std::vector<Memory::Request> requests{
      {pages_.at(0), bytes.data(), 8, false},
      {pages_.at(0), nullptr, 0, false},
      {UINT64_MAX - 2, bytes.data(), 8, true},
      {pages_.at(8), bytes.data() + 8, 8, false},
      {pages_.at(0), bytes.data(), SIZE_MAX, true},
      {pages_.at(page), bytes.data(), 0, false},
      {pages_.at(page), bytes.data(), 8, true},
      {pages_.at(2 * page), bytes.data() + 16, 100, false},
  };
  EXPECT_EQ(memory_->read_many(requests), 5u);
  const bool expected[] = {true, true, false, true, false, true, false, true};
  for (size_t i = 0; i < requests.size(); i++) EXPECT_EQ(requests[i].ok, expected[i]) << i;
  EXPECT_EQ(bytes[15], Pages::expected(15));
  EXPECT_EQ(bytes[16], Pages::expected(2 * page));
  EXPECT_EQ(memory_->read_many({}), 0u);
}

TEST_F(MemoryTest, NothingIsReadAfterTheEnd) {
  child_.kill();
  uint8_t byte = 0;
  EXPECT_FALSE(memory_->read(pages_.at(0), &byte, 1));
  std::vector<Memory::Request> requests{{pages_.at(0), &byte, 1, true}};
  EXPECT_EQ(memory_->read_many(requests), 0u);
  EXPECT_FALSE(requests[0].ok);
  child_.reap();
  EXPECT_FALSE(memory_->read(pages_.at(0), &byte, 1));
}

// Whether we, without privilege, are told in full why we may not read root's process `pid`.
bool refused_clearly(pid_t pid) {
  const Result<Process> process = Process::open(pid);
  if (!process.ok()) return false;
  const Result<ProcessMemory> memory = ProcessMemory::open(*process);
  if (memory.ok() || memory.error().kind != ErrorKind::environment) return false;
  const std::string& message = memory.error().message;
  return message.find("belongs to user root") != std::string::npos &&
         message.find("CAP_SYS_PTRACE") != std::string::npos;
}

TEST(ProcessMemoryOpen, SaysWhoMayRead) {
  if (::geteuid() != 0) {
    EXPECT_TRUE(refused_clearly(1));
    return;
  }
  Child child;
  // In another process, for the change of user is for good.
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(10);
    ::_exit(refused_clearly(child.pid()) ? 0 : 11);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(SnapshotMemory, AnswersFromItsRangesThenTheFallback) {
  SnapshotMemory below;
  below.add(0x1000, std::vector<std::byte>(64, std::byte{1}));
  SnapshotMemory memory(&below);
  memory.add(0x1010, std::vector<std::byte>(8, std::byte{2}));
  memory.add(UINT64_MAX - 3, "abcd", 4);
  uint8_t bytes[64];
  ASSERT_TRUE(memory.read(0x1010, bytes, 8));
  EXPECT_EQ(bytes[7], 2);
  ASSERT_TRUE(memory.read(0x1010, bytes, 9));  // not all in the range
  EXPECT_EQ(bytes[0], 1);
  ASSERT_TRUE(memory.read(UINT64_MAX - 3, bytes, 4));
  EXPECT_EQ(bytes[3], 'd');
  EXPECT_FALSE(memory.read(UINT64_MAX - 3, bytes, 5));
  EXPECT_FALSE(memory.read(0xfff, bytes, 2));
  EXPECT_FALSE(memory.read(0x1000, bytes, 65));
  EXPECT_FALSE(memory.read(0x1040, bytes, 1));
  EXPECT_TRUE(memory.read(0x5000, nullptr, 0));
}

}  // namespace
}  // namespace coroscope
