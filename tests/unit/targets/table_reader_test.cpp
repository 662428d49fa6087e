// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/table_reader.h"

#include <gtest/gtest.h>

#include <map>

#include "image.h"

namespace coroscope::coro {
namespace {

constexpr uint64_t short_settle_ns = 1'000'000;

struct Scanned {
  TableScan scan;
  std::map<uint64_t, TableHeader> by_id;
};

Scanned scan(const Image& image, uint32_t slabs, uint64_t settle_ns = short_settle_ns) {
  Scanned result;
  result.scan =
      TableReader(image, image.descriptor).scan(slabs, settle_ns, [&result](TableHeader& entry) {
        result.by_id[entry.header.id] = entry;
      });
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
  EXPECT_EQ(found.scan.losses.malformed, 1u);
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

}  // namespace
}  // namespace coroscope::coro
