// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/table_counter.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "image.h"
#include "targets/coro/coro_target.h"

namespace coroscope::coro {
namespace {

Headcount count(const Image& image, uint32_t stacks = 4) {
  Headcount result;
  const TableReader table(image, image.descriptor);
  EXPECT_EQ(count_table(table, 1, stacks, {.settle_ns = 1'000'000}, result), Image::slab_headers);
  return result;
}

TEST(TableCounter, CountsByStateAndSite) {
  Image image;
  image.parked(0, 1);
  image.parked(1, 2);
  image.parked(2, 3).state = CORO_STATE_RUNNING;
  image.parked(3, 4).state = CORO_STATE_SYSCALL;
  image.parked(4, 5).state = CORO_STATE_RUNNABLE;
  image.parked(5, 6).spawn_stack_id = 3;
  const Headcount found = count(image);
  EXPECT_EQ(found.count(Activity::parked), 3u);
  EXPECT_EQ(found.count(Activity::running), 1u);
  EXPECT_EQ(found.count(Activity::syscall), 1u);
  EXPECT_EQ(found.count(Activity::runnable), 1u);
  ASSERT_EQ(found.by_spawn_stack.size(), 4u);
  EXPECT_EQ(found.by_spawn_stack[3], (Headcount::ByActivity{0, 0, 1, 0}));
  EXPECT_EQ(found.losses.total(), 0u);
}

TEST(TableCounter, TheRuntimesOwnAreCountedApart) {
  Image image;
  image.parked(0, 1).flags = CORO_FLAG_SYSTEM;
  image.parked(1, 2);
  const Headcount found = count(image);
  EXPECT_EQ(found.system, 1u);
  EXPECT_EQ(found.count(Activity::parked), 1u);
  EXPECT_EQ(found.stacks, 2u) << "their stacks take memory too";
}

TEST(TableCounter, ASiteBeyondTheBoundIsNotKnown) {
  Image image;
  image.parked(0, 1).spawn_stack_id = UINT32_MAX;
  const Headcount found = count(image);
  ASSERT_EQ(found.by_spawn_stack.size(), 1u);
  EXPECT_EQ(found.by_spawn_stack[0][static_cast<size_t>(Activity::parked)], 1u);
}

TEST(TableCounter, SumsTheStacks) {
  Image image;
  image.parked(0, 1);  // half of its stack in use
  image.parked(1, 2).saved_sp = Image::stack_at + Image::stack_size;
  image.parked(2, 3).state = CORO_STATE_RUNNING;
  image.slab[2].saved_sp = 0;  // stale: not looked at
  image.parked_task(3, 4, Image::data_at);
  const Headcount found = count(image);
  EXPECT_EQ(found.stacks, 3u);
  EXPECT_EQ(found.stacks_running, 1u);
  EXPECT_EQ(found.stack_reserved, 3u * Image::stack_size);
  EXPECT_EQ(found.stack_used, Image::stack_size - 0x800u);
  EXPECT_EQ(found.stacks_odd, 0u);
}

TEST(TableCounter, StacksThatMakeNoSenseAreCountedButNotSummed) {
  Image image;
  image.parked(0, 1).stack_low = 0;  // as large as the address says
  image.slab[0].stack_high = UINT64_MAX;
  image.parked(1, 2).stack_low = Image::stack_at + Image::stack_size;
  image.parked(2, 3).saved_sp = 8;
  const Headcount found = count(image);
  EXPECT_EQ(found.stacks_odd, 3u);
  EXPECT_EQ(found.stacks, 0u);
  EXPECT_EQ(found.stack_reserved, 0u);
  EXPECT_EQ(found.stack_used, 0u);
  EXPECT_EQ(found.count(Activity::parked), 3u);
}

TEST(TableCounter, LosesWhatACensusLoses) {
  Image image;
  image.parked(0, 1).sequence = 3;
  image.parked(1, 2).state = 99;
  image.parked(2, 3).state = CORO_STATE_PARKING;
  const Headcount found = count(image);
  EXPECT_EQ(found.losses.torn, 1u);
  EXPECT_EQ(found.losses.malformed, 1u);
  EXPECT_EQ(found.losses.unsettled, 1u);
  EXPECT_TRUE(found.by_spawn_stack.empty());
}

// A table that several threads may read at once.
class LargeTable : public Memory {
 public:
  static constexpr uint32_t slabs = 17;
  static constexpr uint32_t per_slab = 16384;

  LargeTable() : headers_(slabs * per_slab) {
    descriptor.table_directory = directory_at;
    descriptor.table_directory_capacity = slabs;
    descriptor.table_slab_headers = per_slab;
    descriptor.table_header_size = sizeof(coro_header);
    for (uint32_t i = 0; i < slabs; ++i) directory_.push_back(slabs_at + i * slab_bytes);
    for (uint32_t i = 0; i < headers_.size(); ++i) {
      coro_header& header = headers_[i];
      header.sequence = i % 100 == 7 ? 3 : 2;  // some are never whole
      header.state = i % 3 == 0 ? CORO_STATE_PARKED : CORO_STATE_RUNNABLE;
      header.id = i + 1;
      header.spawn_stack_id = i % 5;
    }
  }

  bool read(uint64_t address, void* to, size_t size) const override {
    const bool in_directory = address < slabs_at;
    const auto* from = in_directory ? reinterpret_cast<const std::byte*>(directory_.data())
                                    : reinterpret_cast<const std::byte*>(headers_.data());
    std::memcpy(to, from + (address - (in_directory ? directory_at : slabs_at)), size);
    return true;
  }

  coro_descriptor descriptor{};

 private:
  static constexpr uint64_t directory_at = 0x1000;
  static constexpr uint64_t slabs_at = 0x100000;
  static constexpr uint64_t slab_bytes = per_slab * sizeof(coro_header);
  std::vector<uint64_t> directory_;
  std::vector<coro_header> headers_;
};

TEST(TableCounter, ALargeTableIsCountedInParts) {
  const LargeTable memory;
  constexpr uint64_t slots = uint64_t{LargeTable::slabs} * LargeTable::per_slab;
  const TableReader table(memory, memory.descriptor);
  Headcount found;
  EXPECT_EQ(count_table(table, LargeTable::slabs, 10, {.settle_ns = 0}, found), slots);
  const uint64_t torn = (slots + 92) / 100;
  EXPECT_EQ(found.losses.torn, torn);
  EXPECT_EQ(found.losses.total(), torn);
  EXPECT_EQ(found.count(Activity::parked) + found.count(Activity::runnable), slots - torn);
  ASSERT_EQ(found.by_spawn_stack.size(), 5u);
  for (const auto& site : found.by_spawn_stack) {
    EXPECT_NEAR(static_cast<double>(site[0] + site[2]), slots / 5.0, slots / 40.0);
  }
}

TEST(TableReader, EachPartIsSomebodys) {
  const LargeTable memory;
  const TableReader table(memory, memory.descriptor);
  for (const size_t threads : {1, 3, 20}) {  // more than slabs, too
    std::vector<std::vector<uint32_t>> slots(threads);
    std::vector<TableReader::Sink> sinks;
    for (auto& own : slots) {
      sinks.emplace_back([&own](const TableHeader& entry) { own.push_back(entry.slot); });
    }
    const TableScan scan = table.scan(LargeTable::slabs, {.settle_ns = 0}, sinks);
    std::vector<uint32_t> all;
    for (const auto& own : slots) all.insert(all.end(), own.begin(), own.end());
    EXPECT_EQ(all.size() + scan.losses.torn, scan.slots);
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
    EXPECT_TRUE(std::adjacent_find(all.begin(), all.end()) == all.end());
  }
}

TEST(TableCounter, TheTargetCountsAsItsCensusDoes) {
  Image image;
  for (uint32_t slot = 0; slot < 5; ++slot) image.parked(slot, slot + 1);
  auto process = Process::open(getpid());
  auto target = CoroTarget::open(
      *process, image, {{Image::descriptor_at, CORO_ABI_MAJOR, CORO_ABI_MINOR, "/proc/self/exe"}});
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ((*target)->count()->count(Activity::parked), 5u);
  EXPECT_EQ((*target)->census({})->members.size(), 5u);
  image.descriptor_readable = false;
  const auto blind = (*target)->count();
  EXPECT_EQ(blind->count(Activity::parked), 0u);
  EXPECT_EQ(blind->losses.unreadable, Image::slab_headers);
}

}  // namespace
}  // namespace coroscope::coro
