// SPDX-License-Identifier: Apache-2.0
#include "observe/dumping.h"

#include <gtest/gtest.h>

#include "fake_target.h"

namespace coroscope {
namespace {

DumpRecord waiting(uint64_t id, bool annotated) {
  DumpRecord record;
  record.id = id;
  record.object = 0xa0;
  record.activity = Activity::parked;
  record.annotated = annotated;
  return record;
}

TEST(TargetDetails, NamesAreMadePrintable) {
  FakeTarget target;
  target.annotations[17] = {
      "or\x1b"
      "der",
      {{"ten\nant", "a"}}};
  TargetDetails details(target);
  const DumpDetail detail = details.names_of(waiting(17, true));
  EXPECT_EQ(detail.name, "or?der");
  EXPECT_EQ(detail.labels[0].key, "ten?ant");
  EXPECT_EQ(details.unread(), 0u);
}

TEST(TargetDetails, NamesThatAreGoneAreCounted) {
  FakeTarget target;
  TargetDetails details(target);
  EXPECT_EQ(details.names_of(waiting(17, true)).name, "");
  EXPECT_EQ(details.names_of(waiting(18, false)).name, "");
  EXPECT_EQ(details.unread(), 1u) << "18 has none";
}

TEST(TargetDetails, SayWhatIsMissingOnlyOfWhoWaits) {
  FakeTarget target;
  target.objects[0xa0] = {.kind = WaitObject::Kind::mutex, .length = 1, .holder = 5};
  TargetDetails details(target);
  Dump dump;
  dump.reasons[1] = "sync.Mutex.Lock";
  DumpRecord record = waiting(17, false);
  record.reason = 1;
  EXPECT_EQ(details.describe(dump, record).cause, "held by coroutine 5");
  record.activity = Activity::running;
  EXPECT_EQ(details.describe(dump, record).cause, "");
}

TEST(TargetDetails, NamesOfAGroupAreOfSomeFromAllOverIt) {
  FakeTarget target;
  Dump dump;
  std::vector<uint32_t> members;
  for (uint32_t i = 0; i < 1000; ++i) {
    dump.records.push_back(waiting(i + 1, true));
    members.push_back(i);
    target.annotations[i + 1].name = "order";
  }
  const ReportedNames named = TargetDetails(target).count_names_of(dump, members);
  EXPECT_LE(named.asked, 256u);
  EXPECT_GE(named.asked, 128u);
  ASSERT_EQ(named.names.size(), 1u);
  EXPECT_EQ(named.names[0].members, named.asked);
}

}  // namespace
}  // namespace coroscope
