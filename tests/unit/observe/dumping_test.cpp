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

TEST(DumpDetails, NamesAreMadePrintable) {
  FakeTarget target;
  target.annotations[17] = {
      "or\x1b"
      "der",
      {{"ten\nant", "a"}}};
  DumpDetails details(target);
  const DumpDetail detail = details.names_of(waiting(17, true));
  EXPECT_EQ(detail.name, "or?der");
  EXPECT_EQ(detail.labels[0].key, "ten?ant");
  EXPECT_EQ(details.unread(), 0u);
}

TEST(DumpDetails, NamesThatAreGoneAreCounted) {
  FakeTarget target;
  DumpDetails details(target);
  EXPECT_EQ(details.names_of(waiting(17, true)).name, "");
  EXPECT_EQ(details.names_of(waiting(18, false)).name, "");
  EXPECT_EQ(details.unread(), 1u) << "18 has none";
}

TEST(DumpDetails, SayWhatIsMissingOnlyOfWhoWaits) {
  FakeTarget target;
  target.objects[0xa0] = {.kind = WaitObject::Kind::mutex, .length = 1, .holder = 5};
  DumpDetails details(target);
  DumpRecord record = waiting(17, false);
  EXPECT_EQ(details.describe(record, "sync.Mutex.Lock").cause, "held by coroutine 5");
  record.activity = Activity::running;
  EXPECT_EQ(details.describe(record, "running").cause, "");
}

TEST(DumpDetails, NamesOfAGroupAreOfSomeFromAllOverIt) {
  FakeTarget target;
  Dump dump;
  DumpGroup group;
  for (uint32_t i = 0; i < 1000; ++i) {
    dump.records.push_back(waiting(i + 1, true));
    group.members.push_back(i);
    target.annotations[i + 1].name = "order";
  }
  const ReportedNames named = DumpDetails(target).count_names_of(dump, group);
  EXPECT_LE(named.asked, 256u);
  EXPECT_GE(named.asked, 128u);
  ASSERT_EQ(named.names.size(), 1u);
  EXPECT_EQ(named.names[0].members, named.asked);
}

}  // namespace
}  // namespace coroscope
