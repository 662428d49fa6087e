// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/descriptor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "image.h"
#include "targets/coro/coro_target.h"
#include "targets/coro/names.h"

namespace coroscope::coro {
namespace {

class Descriptor : public testing::Test {
 protected:
  Descriptor() : process_(std::move(Process::open(getpid())).value()) {}

  std::string error() {
    const auto result = read_descriptor(process_, image, place);
    return result ? "" : result.error().message;
  }

  Image image;
  DescriptorPlace place{Image::descriptor_at, CORO_ABI_MAJOR, CORO_ABI_MINOR, "/proc/self/exe"};
  Process process_;
};

TEST_F(Descriptor, IsReadAsItIs) {
  EXPECT_EQ(error(), "");
  EXPECT_EQ(read_descriptor(process_, image, place)->table_slab_headers, Image::slab_headers);
}

TEST_F(Descriptor, ANewerMajorVersionIsNotForUs) {
  place.major = 2;
  EXPECT_NE(error().find("version 2.5"), std::string::npos) << error();
  place.major = 1;
  image.descriptor.major = 3;
  EXPECT_NE(error().find("version 3.5"), std::string::npos) << error();
}

TEST_F(Descriptor, ANewerMinorVersionIs) {
  place.minor = image.descriptor.minor = 9;
  image.descriptor.size += 64;
  EXPECT_EQ(error(), "");
}

TEST_F(Descriptor, OfTheFirstVersionWhatItHasIsRead) {
  place.minor = image.descriptor.minor = 0;
  image.descriptor.size = 104;
  image.descriptor.schedulers = 0xdead0000;  // what follows it in memory is not its
  for (const size_t readable : {sizeof(coro_descriptor), size_t{104}}) {
    image.descriptor_bytes = readable;
    EXPECT_EQ(error(), "");
    const auto read = read_descriptor(process_, image, place);
    EXPECT_EQ(read->counters, Image::counters_at);
    EXPECT_EQ(read->schedulers, 0u);
    EXPECT_EQ(read->object_size, 0u);
    auto target = CoroTarget::open(process_, image, {place});
    ASSERT_TRUE(target);
    EXPECT_EQ((*target)->census({})->losses.total(), 0u);
    EXPECT_FALSE((*target)->schedulers());
  }
}

TEST_F(Descriptor, NonsenseIsRefused) {
  const std::vector<std::function<void(coro_descriptor&)>> spoilers = {
      [](auto& d) { d.magic++; },
      [](auto& d) { d.size = 8; },
      [](auto& d) { d.table_header_size = 0; },
      [](auto& d) { d.table_header_size = 4; },
      [](auto& d) { d.table_header_size = 131; },
      [](auto& d) { d.table_header_size = 1u << 30; },
      [](auto& d) { d.table_slab_headers = 0; },
      [](auto& d) { d.table_slab_headers = UINT32_MAX; },
      [](auto& d) { d.table_directory_capacity = 0; },
      [](auto& d) { d.table_directory_capacity = UINT32_MAX; },
      [](auto& d) { d.depot_entry_size = 0; },
      [](auto& d) { d.depot_chunk_entries = 0; },
      [](auto& d) { d.depot_chunk_entries = UINT32_MAX; },
      [](auto& d) { d.depot_directory_capacity = 0; },
      [](auto& d) { d.depot_directory_capacity = UINT32_MAX; },
      [](auto& d) { d.size = 107; },
      [](auto& d) { d.object_size = 39; },
      [](auto& d) { d.object_size = 1u << 30; },
      [](auto& d) { d.schedulers = 8, d.scheduler_size = 0; },
      [](auto& d) { d.schedulers = 8, d.scheduler_size = 131; },
      [](auto& d) { d.schedulers = 8, d.worker_size = 8; },
      [](auto& d) { d.schedulers = 8, d.worker_size = 1u << 31; },
      [](auto& d) { d.schedulers = 8, d.scheduler_capacity = UINT32_MAX; },
  };
  const coro_descriptor good = image.descriptor;
  for (size_t i = 0; i < spoilers.size(); ++i) {
    image.descriptor = good;
    spoilers[i](image.descriptor);
    EXPECT_NE(error().find("makes no sense"), std::string::npos) << i << ": " << error();
  }
}

TEST_F(Descriptor, AnAddressThatCannotBeRead) {
  place.address = 0xdead0000;
  EXPECT_NE(error().find("cannot be read"), std::string::npos) << error();
}

TEST_F(Descriptor, TheTargetShowsWhatTheImageHolds) {
  image.parked(3, 17).object = 0x777;
  image.slab[3].parent_id = 5;
  image.slab[3].since_ns = 1234;
  image.parked(4, 18).spawn_stack_id = 4'000'000'000u;
  auto target = CoroTarget::open(process_, image, {place});
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ((*target)->runtime(), "coro 1.5");
  EXPECT_EQ((*target)->workers(), 2u);
  EXPECT_EQ((*target)->stacks_at_most(), 32u);
  const auto census = (*target)->census({});
  ASSERT_TRUE(census);
  ASSERT_EQ(census->members.size(), 2u);
  const Member& member = census->members[0];
  EXPECT_EQ(member.id, 17u);
  EXPECT_EQ(member.parent_id, 5u);
  EXPECT_EQ(member.object, 0x777u);
  EXPECT_EQ(member.since_ns, 1234u);
  EXPECT_EQ(member.parked_stack, unread_parked_stack) << "no unwinder was given";
  EXPECT_EQ((*target)->reason_name(member.reason), "chan send");
  EXPECT_EQ(census->members[1].spawn_stack, 0u) << "an id beyond the depot is not known";
}

TEST_F(Descriptor, OfTwoRuntimesTheOneWithCoroutinesIsObservedAndTheOtherNamed) {
  Image idle;
  image.descriptor.table_slabs = 0;
  auto only_idle = CoroTarget::open(process_, image, {place});
  ASSERT_TRUE(only_idle);
  EXPECT_EQ((*only_idle)->census({})->members.size(), 0u);
  DescriptorPlace bad = place;
  bad.address = 0xdead0000;
  auto target = CoroTarget::open(process_, image, {bad, place});
  ASSERT_TRUE(target);
  EXPECT_EQ((*target)->other_copies(), 1u);
}

TEST(ReasonName, IsGosAndNeverEmpty) {
  EXPECT_EQ(reason_name(CORO_REASON_SELECT_NO_CASES), "select (no cases)");
  EXPECT_EQ(reason_name(CORO_REASON_IO_WAIT), "IO wait");
  EXPECT_EQ(reason_name(4711), "reason 4711");
}

}  // namespace
}  // namespace coroscope::coro
