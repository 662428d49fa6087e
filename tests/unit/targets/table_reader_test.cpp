// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/table_reader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <thread>

#include "image.h"
#include "util/clock.h"

namespace coroscope::coro {
namespace {

constexpr uint64_t short_settle_ns = 1'000'000;

struct Scanned {
  TableScan scan;
  std::map<uint64_t, TableHeader> by_id;
};

Scanned scan(const Image& image, uint32_t slabs, uint64_t settle_ns = short_settle_ns) {
  Scanned result;
  result.scan = TableReader(image, image.descriptor)
                    .scan(slabs, {.settle_ns = settle_ns},
                          [&result](TableHeader& entry) { result.by_id[entry.header.id] = entry; });
  return result;
}

TEST(TableReader, FindsWhoIsAlive) {
  Image image;
  image.parked(0, 17);
  image.parked(5, 18).state = CORO_STATE_RUNNING;
  const Scanned found = scan(image, 1);
  ASSERT_EQ(found.by_id.size(), 2u);
  EXPECT_EQ(found.by_id.at(18).slot, 5u);
  EXPECT_EQ(found.by_id.at(18).address, Image::slab_at + 5 * sizeof(coro_header));
  EXPECT_EQ(found.scan.slots, Image::slab_headers);
  EXPECT_EQ(found.scan.losses.total(), 0u);
}

TEST(TableReader, ReadsAgainWhatWasBeingWritten) {
  Image image;
  image.parked(3, 17).sequence = 5;
  int reads = 0;
  image.before_read = [&](uint64_t, size_t) {
    if (++reads == 6) image.slab[3].sequence = 6;
  };
  const Scanned found = scan(image, 1);
  EXPECT_TRUE(found.by_id.contains(17));
  EXPECT_EQ(found.scan.losses.total(), 0u);
}

TEST(TableReader, WaitsForAWriterThatWasPreemptedInside) {
  Image image;
  image.parked(3, 17).sequence = 5;
  int reads = 0;
  image.before_read = [&](uint64_t, size_t) {
    if (++reads == 500) image.slab[3].sequence = 6;
  };
  const Scanned found = scan(image, 1, 10'000'000'000);
  EXPECT_TRUE(found.by_id.contains(17));
  EXPECT_EQ(found.scan.losses.total(), 0u);
}

TEST(TableReader, CountsAHeaderThatNeverStandsStill) {
  Image image;
  image.parked(3, 17);
  image.before_read = [&](uint64_t, size_t) { image.slab[3].sequence += 2; };
  const Scanned found = scan(image, 1);
  EXPECT_TRUE(found.by_id.empty());
  EXPECT_EQ(found.scan.losses.torn, 1u);
}

TEST(TableReader, AHeaderThatChangedBetweenTwoCopiesIsNotKept) {
  Image image;
  image.parked(3, 17);
  // The same sequence, another field: a copy made in the middle of a write.
  int reads = 0;
  image.before_read = [&](uint64_t, size_t) {
    image.slab[3].object = static_cast<uint64_t>(++reads);
  };
  EXPECT_EQ(scan(image, 1).scan.losses.torn, 1u);
}

TEST(TableReader, WaitsForWhoIsBetweenTwoStates) {
  for (const uint32_t state : {CORO_STATE_SPAWNING, CORO_STATE_PARKING, CORO_STATE_UNPARKING}) {
    Image image;
    image.parked(3, 17).state = state;
    int reads = 0;
    image.before_read = [&](uint64_t, size_t) {
      if (++reads == 10) {
        image.slab[3].state = CORO_STATE_RUNNABLE;
        image.slab[3].sequence += 2;
      }
    };
    const Scanned found = scan(image, 1, 10'000'000'000);
    EXPECT_TRUE(found.by_id.contains(17)) << state;
    EXPECT_EQ(found.scan.losses.total(), 0u);
  }
}

TEST(TableReader, WhoExitsMeanwhileIsNotAlive) {
  Image image;
  image.parked(3, 17).state = CORO_STATE_EXITING;
  int reads = 0;
  image.before_read = [&](uint64_t, size_t) {
    if (++reads == 10) image.slab[3] = {};
  };
  const Scanned found = scan(image, 1, 10'000'000'000);
  EXPECT_TRUE(found.by_id.empty());
  EXPECT_EQ(found.scan.losses.total(), 0u);
}

TEST(TableReader, WhoStaysBetweenTwoStatesIsCounted) {
  Image image;
  image.parked(3, 17).state = CORO_STATE_SPAWNING;
  EXPECT_EQ(scan(image, 1).scan.losses.unsettled, 1u);
}

TEST(TableReader, CountsNonsense) {
  Image image;
  image.parked(0, 17).state = 99;
  image.parked(1, 0);                           // a state without an id
  image.parked(2, 18).state = CORO_STATE_FREE;  // an id without a state
  image.parked(3, 19);
  const Scanned found = scan(image, 1);
  EXPECT_EQ(found.by_id.size(), 1u);
  EXPECT_EQ(found.scan.losses.malformed, 3u);
}

TEST(TableReader, MoreSlabsThanTheDirectoryHolds) {
  Image image;
  image.parked(3, 17);
  const Scanned found = scan(image, 4'000'000'000u);
  EXPECT_TRUE(found.by_id.contains(17));
  EXPECT_GT(found.scan.losses.malformed, 0u);
}

TEST(TableReader, ASlabThatCannotBeRead) {
  Image image;
  image.table_directory[0] = 0xdead0000;
  EXPECT_EQ(scan(image, 1).scan.losses.unreadable, Image::slab_headers);
}

TEST(TableReader, ASlabThatIsListedTwiceCountsOnce) {
  Image image;
  image.parked(3, 17);
  image.table_directory[1] = Image::slab_at;
  const Scanned found = scan(image, 2);
  EXPECT_EQ(found.by_id.size(), 1u);
  EXPECT_EQ(found.scan.losses.malformed, Image::slab_headers) << "of the slab that it hides";
}

TEST(TableReader, ADirectoryThatCannotBeRead) {
  Image image;
  image.descriptor.table_directory = 0xdead0000;
  EXPECT_GT(scan(image, 3).scan.losses.unreadable, 0u);
}

TEST(TableReader, ATableOfAbsurdSizeIsCutAndCounted) {
  Image image;
  image.descriptor.table_slab_headers = 4u << 20;
  const Scanned found = scan(image, 8);
  EXPECT_GT(found.scan.losses.over_limit, 0u);
}

TEST(TableReader, HeadersMayGrowInANewerMinorVersion) {
  Image image;
  image.descriptor.table_header_size = 2 * sizeof(coro_header);
  image.descriptor.table_slab_headers = Image::slab_headers / 2;
  image.parked(0, 17);
  image.parked(1, 99);  // what a newer version would have appended to slot 0
  image.parked(2, 18);
  const Scanned found = scan(image, 1);
  EXPECT_EQ(found.by_id.size(), 2u);
  EXPECT_EQ(found.by_id.at(18).slot, 1u);
}

// A table of 2^20 slots, the slabs of which are the same memory at other addresses.
class AliasedTable : public Image {
 public:
  static constexpr uint32_t per_slab = 1024;
  static constexpr uint32_t slabs = 1024;
  static constexpr uint64_t first_at = 0x100000000;
  static constexpr uint64_t slab_bytes = per_slab * sizeof(coro_header);

  AliasedTable() : directory_(slabs) {
    slab.resize(per_slab);
    for (uint32_t i = 0; i < slabs; ++i) directory_[i] = first_at + i * slab_bytes;
    descriptor.table_directory = directory_at;
    descriptor.table_directory_capacity = descriptor.table_slabs = slabs;
    descriptor.table_slab_headers = per_slab;
    for (uint32_t slot = 0; slot < per_slab; ++slot) parked(slot, slot + 1);
  }

  bool read(uint64_t address, void* to, size_t size) const override {
    reads++;
    if (before_read) before_read(address, size);
    if (address == directory_at) {
      std::memcpy(to, directory_.data(), size);
      return true;
    }
    if (address < first_at) return Image::read(address, to, size);
    const uint64_t offset = (address - first_at) % slab_bytes;
    std::memcpy(to, reinterpret_cast<const char*>(slab.data()) + offset, size);
    return true;
  }

  mutable uint64_t reads = 0;

 private:
  static constexpr uint64_t directory_at = 0x50000000;
  std::vector<uint64_t> directory_;
};

TEST(TableReader, ATableOfOddHeadersCostsWhatATableCosts) {
  AliasedTable image;
  const TableReader reader(image, image.descriptor);
  const auto none = [](TableHeader&) {};
  reader.scan(AliasedTable::slabs, {.settle_ns = 0}, none);
  const uint64_t reads_of_a_good_table = image.reads;

  for (coro_header& header : image.slab) header.sequence = 3;
  image.reads = 0;
  const TableScan scan = reader.scan(AliasedTable::slabs, {.settle_ns = 0}, none);
  EXPECT_LT(image.reads, reads_of_a_good_table + 2000);
  EXPECT_EQ(scan.losses.torn, uint64_t{AliasedTable::slabs} * AliasedTable::per_slab);
  EXPECT_EQ(scan.losses.total(), scan.losses.torn) << "each is counted once";
}

TEST(TableReader, PendingHeadersAreCountedToo) {
  AliasedTable image;
  for (coro_header& header : image.slab) header.state = CORO_STATE_PARKING;
  const TableScan scan = TableReader(image, image.descriptor)
                             .scan(AliasedTable::slabs, {.settle_ns = 0}, [](TableHeader&) {});
  EXPECT_EQ(scan.losses.unsettled, uint64_t{AliasedTable::slabs} * AliasedTable::per_slab);
  EXPECT_EQ(scan.losses.total(), scan.losses.unsettled);
}

TEST(TableReader, WhatThereIsNoTimeForIsCounted) {
  AliasedTable image;
  image.before_read = [](uint64_t, size_t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  uint64_t live = 0;
  const uint64_t before = monotonic_ns();
  const TableScan scan =
      TableReader(image, image.descriptor)
          .scan(AliasedTable::slabs, {.settle_ns = 10'000'000'000, .until_ns = before + 20'000'000},
                [&live](TableHeader&) { live++; });
  EXPECT_LT(monotonic_ns() - before, 2'000'000'000u);
  EXPECT_GT(scan.losses.over_limit, 0u);
  EXPECT_EQ(live + scan.losses.over_limit, scan.slots) << "who was not looked at is counted";
}

TEST(TableReader, SlowTornHeadersAreLeftAtTheDeadline) {
  AliasedTable image;
  for (coro_header& header : image.slab) header.sequence = 3;
  image.before_read = [&image](uint64_t, size_t size) {
    if (size == sizeof(coro_header)) std::this_thread::sleep_for(std::chrono::microseconds(50));
  };
  const uint64_t before = monotonic_ns();
  const TableScan scan =
      TableReader(image, image.descriptor).scan(64, {.settle_ns = 20'000'000}, [](TableHeader&) {});
  EXPECT_LT(monotonic_ns() - before, 3'000'000'000u) << "65536 of them would take 13 s";
  EXPECT_EQ(scan.losses.torn, 64u * AliasedTable::per_slab);
}

}  // namespace
}  // namespace coroscope::coro
