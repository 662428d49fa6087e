// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/stack_reader.h"

#include <gtest/gtest.h>

#include <random>

#include "image.h"
#include "targets/coro/depot_reader.h"

namespace coroscope::coro {
namespace {

class StackReading : public testing::Test {
 protected:
  StackReader::Outcome read() {
    entry_ = {0, Image::slab_at, image.slab[0]};
    return reader_.read(
        entry_,
        [this](const ParkedContext& context) {
          unwound++;
          last = context;
          return UnwoundContext{7, true};
        },
        &stack);
  }

  void read_until(uint64_t until_ns) { reader_.read_until(until_ns); }
  const coro_header& header() const { return entry_.header; }

  Image image;
  int unwound = 0;
  ParkedContext last;
  ParkedStack stack = no_parked_stack;

 private:
  StackReader reader_{image, image.descriptor};
  TableHeader entry_;
};

TEST_F(StackReading, CopiesFromTheSavedStackPointerUp) {
  image.parked(0, 17);
  EXPECT_EQ(read(), StackReader::Outcome::read);
  EXPECT_EQ(stack, 7u);
  EXPECT_EQ(last.pc, image.descriptor.resume_pc);
  EXPECT_EQ(last.sp, Image::stack_at + 0x800);
  EXPECT_EQ(last.stack.size(), 0x800u);
}

TEST_F(StackReading, WhoDidNotMoveIsNotReadAgain) {
  image.parked(0, 17);
  read();
  read();
  EXPECT_EQ(unwound, 1);
  image.slab[0].sequence += 2;
  read();
  EXPECT_EQ(unwound, 2);
  image.parked(0, 18).sequence += 2;
  read();
  EXPECT_EQ(unwound, 3) << "another coroutine in the same slot";
}

TEST_F(StackReading, AStackThatMovesAllTheTimeIsUnread) {
  image.parked(0, 17);
  image.before_read = [this](uint64_t address, size_t) {
    if (address < Image::stack_at) image.slab[0].sequence += 2;
  };
  EXPECT_EQ(read(), StackReader::Outcome::unread);
  EXPECT_EQ(stack, unread_parked_stack);
  EXPECT_EQ(unwound, 0);
}

TEST_F(StackReading, WhoIsAboutToGoOnIsWhereItWas) {
  image.parked(0, 17).state = CORO_STATE_RUNNABLE;
  EXPECT_EQ(read(), StackReader::Outcome::read);
  EXPECT_EQ(last.sp, Image::stack_at + 0x800);
}

TEST_F(StackReading, WhoLeavesItMeanwhileHasNone) {
  image.parked(0, 17);
  image.before_read = [this](uint64_t address, size_t) {
    if (address < Image::stack_at) return;
    image.slab[0].state = CORO_STATE_RUNNING;
    image.slab[0].sequence = 4;
  };
  EXPECT_EQ(read(), StackReader::Outcome::none);
  EXPECT_EQ(stack, no_parked_stack);
  EXPECT_EQ(header().state, uint32_t{CORO_STATE_RUNNING}) << "it is what it is now";
  EXPECT_EQ(unwound, 0);
}

TEST_F(StackReading, WhoLeavesItAtTheLastTryHasNoneToo) {
  image.parked(0, 17);
  image.before_read = [this](uint64_t address, size_t) {
    if (address < Image::stack_at) return;
    image.slab[0].sequence += 2;
    if (image.slab[0].sequence == 2 + 2 * 8) image.slab[0].state = CORO_STATE_RUNNING;
  };
  EXPECT_EQ(read(), StackReader::Outcome::none);
  EXPECT_EQ(stack, no_parked_stack);
  EXPECT_EQ(header().state, static_cast<uint32_t>(CORO_STATE_RUNNING));
}

TEST_F(StackReading, OfOneThatEndsMeanwhileIsUnread) {
  image.parked(0, 17);
  image.before_read = [this](uint64_t address, size_t) {
    if (address >= Image::stack_at) image.parked(0, 18).sequence = 8;
  };
  EXPECT_EQ(read(), StackReader::Outcome::unread);
  EXPECT_EQ(header().id, 17u) << "it was there";
  EXPECT_EQ(unwound, 0);
}

// In a census stacks are copied together, and who moves meanwhile is read again.
TEST(StackReadingOfMany, WhoMovedMeanwhileIsReadWhereItIsNow) {
  Image image;
  for (uint32_t slot = 0; slot < Image::slab_headers; ++slot) {
    image.parked(slot, slot + 1).saved_sp = Image::stack_at + 8 * slot;
  }
  image.slab[9].stack_high = 0;  // nonsense: alone, and unread
  image.before_read = [&image](uint64_t address, size_t) {
    if (address == Image::stack_at + 8 * 5 && image.slab[5].sequence == 2) {
      image.slab[5].sequence = 4;
      image.slab[5].saved_sp = Image::stack_at + 0x800;
    }
    if (address == Image::stack_at + 8 * 6) image.slab[6].state = CORO_STATE_RUNNING;
    if (address == Image::stack_at + 8 * 6) image.slab[6].sequence = 4;
  };
  std::vector<TableHeader> entries;
  for (uint32_t slot = 0; slot < Image::slab_headers; ++slot) {
    entries.push_back({slot, Image::slab_at + slot * sizeof(coro_header), image.slab[slot]});
  }
  StackReader reader(image, image.descriptor);
  reader.read_ahead(entries);
  EXPECT_EQ(image.reads, Image::slab_headers) << "a stack each but for one, and all headers";
  for (TableHeader& entry : entries) {
    ParkedStack stack = 0;
    const auto unwind = [](const ParkedContext& context) {
      EXPECT_EQ(context.stack.size(), Image::stack_at + Image::stack_size - context.sp);
      return UnwoundContext{static_cast<ParkedStack>(context.sp), true};
    };
    reader.read(entry, unwind, &stack);
    const uint64_t sp = Image::stack_at + (entry.slot == 5 ? 0x800u : 8u * entry.slot);
    const ParkedStack expected = entry.slot == 6   ? no_parked_stack
                                 : entry.slot == 9 ? unread_parked_stack
                                                   : static_cast<ParkedStack>(sp);
    EXPECT_EQ(stack, expected) << entry.slot;
  }
}

TEST_F(StackReading, WhenItsTimeIsOverItKnowsOnlyWhatItRemembers) {
  image.parked(0, 17);
  read();
  read_until(0);
  EXPECT_EQ(read(), StackReader::Outcome::read);
  image.slab[0].sequence += 2;
  EXPECT_EQ(read(), StackReader::Outcome::unread);
  EXPECT_EQ(stack, unread_parked_stack);
  read_until(~uint64_t{0});
  EXPECT_EQ(read(), StackReader::Outcome::read) << "at the next census it is";
}

TEST_F(StackReading, NonsenseBoundsAreUnread) {
  const uint64_t low = Image::stack_at;
  const uint64_t high = Image::stack_at + Image::stack_size;
  const struct {
    uint64_t low, high, sp;
  } cases[] = {{low, low, low},      {high, low, low + 8}, {low, high, high},
               {low, high, low - 8}, {low, high, low + 3}, {0, ~0ull, 8}};
  for (const auto& c : cases) {
    coro_header& header = image.parked(0, 17);
    header.stack_low = c.low;
    header.stack_high = c.high;
    header.saved_sp = c.sp;
    EXPECT_EQ(read(), StackReader::Outcome::unread);
  }
  EXPECT_EQ(unwound, 0);
}

TEST(DepotReader, ReadsAStackOnce) {
  Image image;
  DepotReader depot(image, image.descriptor);
  EXPECT_EQ(depot.stack(1), (std::vector<uint64_t>{0x1111, 0x2222}));
  image.frames[0] = 0;
  EXPECT_EQ(depot.stack(1).at(0), 0x1111u);
}

TEST(DepotReader, KnowsNothingOfNonsense) {
  Image image;
  image.chunk[1] = {Image::frames_at, 0, 0};
  image.chunk[2] = {Image::frames_at, 4'000'000'000u, 0};
  image.chunk[3] = {0xdead0000, 2, 0};
  image.depot_directory[1] = 0xdead0000;
  DepotReader depot(image, image.descriptor);
  for (const uint32_t id : {0u, 2u, 3u, 4u, 9u, 20u, 1000u, UINT32_MAX}) {
    EXPECT_TRUE(depot.stack(id).empty()) << id;
  }
}

TEST(DepotReader, AnEntryThatCameLaterIsReadLater) {
  Image image;
  DepotReader depot(image, image.descriptor);
  EXPECT_TRUE(depot.stack(2).empty());
  image.chunk[1] = {Image::frames_at + 8, 1, 0};
  EXPECT_EQ(depot.stack(2), (std::vector<uint64_t>{0x2222}));
}

// Bytes of chance where the table, depot and stacks should be: no crash, no
// endless work, and whatever is left out is counted.
TEST(HostileImage, BytesOfChanceCostNothingWorse) {
  std::mt19937_64 random(20261121);
  for (int round = 0; round < 300; ++round) {
    Image image;
    for (uint32_t slot = 0; slot < Image::slab_headers; ++slot) image.parked(slot, slot + 1);
    const auto spoil = [&random](void* what, size_t bytes, int changes) {
      for (int i = 0; i < changes; ++i) {
        static_cast<unsigned char*>(what)[random() % bytes] = static_cast<unsigned char>(random());
      }
    };
    spoil(image.slab.data(), image.slab.size() * sizeof image.slab[0], 60);
    spoil(image.table_directory.data(), 64, static_cast<int>(random() % 8));
    spoil(image.depot_directory.data(), 32, static_cast<int>(random() % 4));
    spoil(image.chunk.data(), image.chunk.size() * sizeof image.chunk[0], 20);
    StackReader stacks(image, image.descriptor);
    DepotReader depot(image, image.descriptor);
    uint64_t live = 0;
    const TableScan scan = TableReader(image, image.descriptor)
                               .scan(static_cast<uint32_t>(random() % 9), {.settle_ns = 100'000},
                                     [&](TableHeader& entry) {
                                       live++;
                                       ParkedStack stack = no_parked_stack;
                                       stacks.read(
                                           entry,
                                           [](const ParkedContext&) {
                                             return UnwoundContext{2, true};
                                           },
                                           &stack);
                                       depot.stack(entry.header.spawn_stack_id);
                                     });
    EXPECT_LE(live, scan.slots);
  }
}

}  // namespace
}  // namespace coroscope::coro
