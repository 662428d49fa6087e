// SPDX-License-Identifier: Apache-2.0
// Tasks: coroutines whose place is a chain of co_awaits instead of a stack.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "image.h"
#include "targets/coro/await_reader.h"
#include "targets/coro/coro_target.h"
#include "targets/coro/stack_reader.h"

namespace coroscope::coro {
namespace {

class Tasks : public testing::Test {
 protected:
  // Awaits with these locations, innermost first; returns the first.
  uint64_t chain(const std::vector<uint64_t>& locations) {
    uint64_t caller = 0;
    for (size_t i = locations.size(); i-- > 0;) {
      caller = image.put(coro_await{locations[i], caller});
      awaits.insert(awaits.begin(), caller);
    }
    return caller;
  }

  StackReader::Outcome read() {
    StackReader reader(image, image.descriptor);
    TableHeader entry{0, Image::slab_at, image.slab[0]};
    const auto unwind = [this](const ParkedContext& context) {
      places.assign(context.places.begin(), context.places.end());
      EXPECT_TRUE(context.stack.empty());
      EXPECT_EQ(context.pc, 0u);
      return UnwoundContext{7, context.places_complete};
    };
    return reader.read(entry, unwind, &stack);
  }

  Image image;
  std::vector<uint64_t> awaits;  // their addresses
  std::vector<uint64_t> places;
  ParkedStack stack = no_parked_stack;
};

TEST_F(Tasks, AChainIsFollowedToItsEnd) {
  image.parked_task(0, 17, chain({0x111, 0, 0x333}));
  EXPECT_EQ(read(), StackReader::Outcome::read);
  EXPECT_EQ(stack, 7u);
  EXPECT_EQ(places, (std::vector<uint64_t>{0x111, 0, 0x333}));
}

TEST_F(Tasks, ATaskThatMovesIsUnread) {
  const uint64_t first = chain({0x111, 0x222});
  image.parked_task(0, 17, first);
  image.before_read = [&](uint64_t address, size_t) {
    if (address == first) image.slab[0].sequence += 2;
  };
  EXPECT_EQ(read(), StackReader::Outcome::unread);
  EXPECT_EQ(stack, unread_parked_stack);
}

TEST_F(Tasks, ATaskThatMovedOnceIsReadWhereItIsNow) {
  const uint64_t first = chain({0x111});
  const uint64_t second = chain({0x222});
  image.parked_task(0, 17, first);
  image.before_read = [&](uint64_t address, size_t) {
    if (address != first || image.slab[0].saved_sp == second) return;
    image.at<coro_await>(first).location = 0xdead;
    image.slab[0].sequence += 2;
    image.slab[0].saved_sp = second;
  };
  EXPECT_EQ(read(), StackReader::Outcome::read);
  EXPECT_EQ(places, (std::vector<uint64_t>{0x222}));
}

TEST_F(Tasks, ACycleIsCutWhereItCloses) {
  image.parked_task(0, 17, chain({0x111, 0x222, 0x333}));
  image.at<coro_await>(awaits[2]).caller = awaits[1];
  EXPECT_EQ(read(), StackReader::Outcome::cut);
  EXPECT_EQ(places, (std::vector<uint64_t>{0x111, 0x222, 0x333}));
  image.at<coro_await>(awaits[0]).caller = awaits[0];
  EXPECT_EQ(read(), StackReader::Outcome::cut);
  EXPECT_EQ(places.size(), 1u);
}

TEST_F(Tasks, AChainWithoutEndIsCut) {
  image.parked_task(0, 17, chain(std::vector<uint64_t>(400, 0x111)));
  image.reads = 0;
  EXPECT_EQ(read(), StackReader::Outcome::cut);
  EXPECT_EQ(places.size(), TaskPlace::max_links);
  EXPECT_LE(image.reads, TaskPlace::max_links + 2);
  image.parked_task(0, 17, awaits[400 - TaskPlace::max_links]);
  EXPECT_EQ(read(), StackReader::Outcome::read) << "as long as one may be";
}

TEST_F(Tasks, LinksThatLeadNowhereCutIt) {
  image.parked_task(0, 17, chain({0x111, 0x222}));
  for (const uint64_t nowhere : {uint64_t{0xdead0000}, awaits[1] + 4, ~uint64_t{7}}) {
    image.at<coro_await>(awaits[1]).caller = nowhere;
    EXPECT_EQ(read(), StackReader::Outcome::cut) << nowhere;
    EXPECT_EQ(places.size(), 2u);
  }
}

TEST_F(Tasks, WithoutAFirstAwaitItIsUnread) {
  for (const uint64_t nowhere : {uint64_t{0}, uint64_t{0xdead0000}, Image::data_at + 4}) {
    image.parked_task(0, 17, nowhere);
    EXPECT_EQ(read(), StackReader::Outcome::unread) << nowhere;
  }
}

TEST_F(Tasks, ATaskOfACensusIsAMemberLikeAFiber) {
  image.parked_task(0, 17, chain({0x111}));
  image.parked(1, 18);
  image.parked_task(2, 19, 0);
  auto process = Process::open(getpid());
  auto target = CoroTarget::open(
      *process, image, {{Image::descriptor_at, CORO_ABI_MAJOR, CORO_ABI_MINOR, "/proc/self/exe"}});
  auto census = (*target)->census([](const ParkedContext& context) {
    return UnwoundContext{context.places.empty() ? 8u : 7u, true};
  });
  ASSERT_TRUE(census);
  std::ranges::sort(census->members, {}, &Member::id);
  EXPECT_EQ(census->losses.total(), 0u);
  ASSERT_EQ(census->members.size(), 3u);
  EXPECT_EQ(census->members[0].parked_stack, 7u);
  EXPECT_EQ(census->members[0].spawn_stack, 1u);
  EXPECT_EQ(census->members[1].parked_stack, 8u);
  EXPECT_EQ(census->members[2].parked_stack, unread_parked_stack);
  EXPECT_EQ(census->stacks_unread, 1u);
}

TEST_F(Tasks, ManyAreReadTogetherAndWhoMovedMeanwhileAgain) {
  for (uint32_t slot = 0; slot < Image::slab_headers; ++slot) {
    image.parked_task(slot, slot + 1, chain({0x111, 0x222, 0x100u + slot}));
  }
  const uint64_t moved_to = chain({0x999});
  image.before_read = [&](uint64_t address, size_t size) {
    coro_header& header = image.slab[5];
    const bool reads_it = header.saved_sp - address < size;
    if (!reads_it || header.saved_sp == moved_to) return;
    header.sequence += 2;
    header.saved_sp = moved_to;
  };
  auto process = Process::open(getpid());
  auto target = CoroTarget::open(
      *process, image, {{Image::descriptor_at, CORO_ABI_MAJOR, CORO_ABI_MINOR, "/proc/self/exe"}});
  const auto take = [&] {
    return *(*target)->census([](const ParkedContext& context) {
      return UnwoundContext{static_cast<ParkedStack>(context.places.back()), true};
    });
  };
  for (const bool again : {false, true}) {
    image.reads = 0;
    const Census census = take();
    EXPECT_EQ(census.stacks_unread, 0u);
    for (const Member& member : census.members) {
      EXPECT_EQ(member.parked_stack, member.slot == 5 ? 0x999u : 0x100u + member.slot);
    }
    EXPECT_TRUE(!again || image.reads <= 8) << "who did not move is not read again";
  }
}

TEST_F(Tasks, WhoIsInABlockingCallHasAPlaceButIsNotParked) {
  image.parked(0, 17).state = CORO_STATE_SYSCALL;
  image.parked_task(1, 18, chain({0x111})).state = CORO_STATE_SYSCALL;
  image.parked(2, 19).state = CORO_STATE_SYSCALL;
  image.slab[2].saved_sp = 3;
  auto process = Process::open(getpid());
  auto target = CoroTarget::open(
      *process, image, {{Image::descriptor_at, CORO_ABI_MAJOR, CORO_ABI_MINOR, "/proc/self/exe"}});
  auto census = (*target)->census([](const ParkedContext&) { return UnwoundContext{7, true}; });
  ASSERT_EQ(census->members.size(), 3u);
  std::ranges::sort(census->members, {}, &Member::id);
  for (const Member& member : census->members) EXPECT_EQ(member.activity, Activity::syscall);
  EXPECT_EQ(census->members[0].parked_stack, 7u);
  EXPECT_EQ(census->members[1].parked_stack, 7u);
  EXPECT_EQ(census->members[2].parked_stack, unread_parked_stack);
  EXPECT_EQ(census->stacks_unread, 0u) << "it may have returned meanwhile";
}

class Locations : public testing::Test {
 protected:
  uint64_t location(uint64_t file, uint64_t function, uint32_t line) {
    return image.put(coro_location{file, function, line, 1});
  }

  Image image;
  LocationReader reader{image};
};

TEST_F(Locations, AreReadOnce) {
  const uint64_t function = image.put_text("coro::Task<int> fetch(int)");
  const uint64_t address = location(image.put_text("/src/fetch.cpp"), function, 57);
  const auto place = reader.place(address);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->function, "coro::Task<int> fetch(int)");
  EXPECT_EQ(place->file, "/src/fetch.cpp");
  EXPECT_EQ(place->line, 57u);
  image.at<char>(function) = '?';
  EXPECT_TRUE(reader.knows(address));
  EXPECT_EQ(reader.place(address)->function, place->function);
}

TEST_F(Locations, ThatLeadNowhereAreNotKnown) {
  const uint64_t text = image.put_text("f");
  const uint64_t nothing = image.put_text("");
  for (const uint64_t address :
       {uint64_t{0}, uint64_t{0xdead0000}, ~uint64_t{0}, Image::data_at + Image::data_size - 8,
        location(text, 0, 1), location(text, 0xdead0000, 1), location(text, nothing, 1)}) {
    EXPECT_FALSE(reader.place(address)) << address;
  }
  EXPECT_EQ(reader.place(location(0xdead0000, text, 1))->file, "");
}

TEST_F(Locations, ATextWithoutEndIsCutOff) {
  const std::string endless(8000, 'x');
  const uint64_t text = image.put(endless.data(), endless.size());
  EXPECT_EQ(reader.place(location(0, text, 1))->function.size(), LocationReader::max_text);
}

TEST_F(Locations, ATextEndsWhereItsMemoryDoes) {
  const uint64_t end = Image::data_at + Image::data_size;
  image.at<char>(end - 3) = 'o';
  image.at<char>(end - 2) = 'k';
  EXPECT_EQ(reader.place(location(0, end - 3, 1))->function, "ok");
  image.at<char>(end - 1) = '!';
  EXPECT_FALSE(reader.place(location(0, end - 3, 1)));
}

TEST_F(Locations, AreNotKeptWithoutBound) {
  const uint64_t text = image.put_text("f");
  const uint64_t address = location(0, text, 1);
  image.data.resize(address + 24 * (LocationReader::max_known + 1) - Image::data_at);
  for (size_t i = 0; i <= LocationReader::max_known; ++i) {
    image.at<coro_location>(address + 24 * i) = {0, text, 1, 1};
    EXPECT_EQ(reader.place(address + 24 * i).has_value(), i < LocationReader::max_known);
  }
  EXPECT_TRUE(reader.place(address)) << "what is known stays so";
}

}  // namespace
}  // namespace coroscope::coro
