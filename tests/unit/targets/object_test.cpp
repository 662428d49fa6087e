// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "image.h"
#include "targets/coro/object_reader.h"

namespace coroscope::coro {
namespace {

class Objects : public testing::Test {
 protected:
  static coro_object object(uint32_t kind, uint64_t holder = 0) {
    coro_object made{};
    made.magic = CORO_OBJECT_MAGIC;
    made.kind = kind;
    made.length = 3;
    made.holder = holder;
    return made;
  }

  ObjectReader reader() { return {image, image.descriptor}; }

  Image image;
};

TEST_F(Objects, EachKindIsToldApart) {
  for (uint32_t kind = CORO_OBJECT_CHANNEL; kind <= CORO_OBJECT_JOIN; ++kind) {
    const auto read = reader().object(image.put(object(kind, 42)));
    ASSERT_TRUE(read) << kind;
    EXPECT_EQ(static_cast<uint32_t>(read->kind) + 1, kind);
    EXPECT_EQ(read->length, 3u);
  }
  EXPECT_FALSE(reader().object(image.put(object(0))));
  EXPECT_FALSE(reader().object(image.put(object(CORO_OBJECT_JOIN + 1))));
}

TEST_F(Objects, WhatAFieldMeansDependsOnTheKind) {
  const auto of = [this](uint32_t kind) { return *reader().object(image.put(object(kind, 42))); };
  for (const uint32_t kind :
       {CORO_OBJECT_MUTEX, CORO_OBJECT_RW_MUTEX, CORO_OBJECT_ONCE, CORO_OBJECT_JOIN}) {
    EXPECT_EQ(of(kind).holder, 42u) << kind;
    EXPECT_EQ(of(kind).awaited(), 42u) << kind;
  }
  EXPECT_EQ(of(CORO_OBJECT_SEMAPHORE).last_taker, 42u);
  EXPECT_EQ(of(CORO_OBJECT_CHANNEL).deadline_ns, 42u);
  EXPECT_EQ(of(CORO_OBJECT_CONTEXT).deadline_ns, 42u);
  for (const uint32_t kind : {CORO_OBJECT_SEMAPHORE, CORO_OBJECT_CHANNEL, CORO_OBJECT_CONTEXT}) {
    EXPECT_EQ(of(kind).holder, 0u) << kind;
    EXPECT_EQ(of(kind).awaited(), 0u) << kind;
  }
}

TEST_F(Objects, TheOneReaderInsideIsNamed) {
  coro_object made = object(CORO_OBJECT_RW_MUTEX);
  made.readers = 7;
  const auto of_many = reader().object(image.put(made));
  EXPECT_EQ(of_many->lone_reader, 0u) << "of three it is no id";
  EXPECT_EQ(of_many->capacity, 0u);
  made.length = 1;
  EXPECT_EQ(reader().object(image.put(made))->lone_reader, 7u);
  EXPECT_EQ(reader().object(image.put(made))->awaited(), 7u);
}

TEST_F(Objects, BeforeVersionThreeNothingIsSaidOfHandlesAndDeadlines) {
  coro_object made = object(CORO_OBJECT_CHANNEL);
  made.handles = 2;
  const uint64_t at = image.put(made);
  EXPECT_EQ(reader().object(at)->handles, 2u);
  EXPECT_EQ(reader().object(at)->deadline_ns, 0u);
  image.descriptor.minor = 2;
  EXPECT_EQ(reader().object(at)->handles, 0u);
  EXPECT_FALSE(reader().object(at)->deadline_ns);
}

TEST_F(Objects, OfTheFirstVersionHaveNoHolder) {
  const uint64_t last = Image::data_at + Image::data_size - 40;
  const coro_object small = object(CORO_OBJECT_MUTEX);
  std::memcpy(&image.at<char>(last), &small, 40);
  EXPECT_FALSE(reader().object(last)) << "beyond the end of the memory";
  for (const uint32_t size : {0u, 40u}) {
    image.descriptor.object_size = size;
    ASSERT_TRUE(reader().object(last));
    EXPECT_EQ(reader().object(last)->holder, 0u);
  }
  image.descriptor.object_size = 4096;  // a newer one
  EXPECT_EQ(reader().object(image.put(object(CORO_OBJECT_MUTEX, 42)))->holder, 42u);
}

TEST_F(Objects, NonsenseIsNone) {
  coro_object bad = object(CORO_OBJECT_MUTEX);
  bad.magic++;
  for (const uint64_t address : {uint64_t{0}, uint64_t{0xdead0000}, ~uint64_t{0}, image.put(bad)}) {
    EXPECT_FALSE(reader().object(address)) << address;
  }
}

class Selects : public Objects {
 protected:
  Selects() {
    channel = image.put(object(CORO_OBJECT_CHANNEL));
    context = image.put(object(CORO_OBJECT_CONTEXT));
    park({{channel, CORO_SELECT_SEND, 0},
          {0, CORO_SELECT_RECEIVE, 0},
          {context, CORO_SELECT_DONE, 0}});
  }

  void park(const std::vector<coro_select_case>& cases) {
    const uint64_t first = image.put(cases.data(), cases.size() * sizeof cases[0]);
    address = image.put(coro_select{CORO_SELECT_MAGIC, static_cast<uint32_t>(cases.size()), first,
                                    sizeof cases[0], 99});
    image.parked(0, 17).reason = CORO_REASON_SELECT;
    image.slab[0].object = address;
  }

  std::optional<Select> read() { return reader().select(Image::slab_at, 17); }
  coro_select& select() { return image.at<coro_select>(address); }

  uint64_t channel = 0;
  uint64_t context = 0;
  uint64_t address = 0;
};

TEST_F(Selects, EachCaseIsRead) {
  const auto read_now = read();
  ASSERT_TRUE(read_now);
  EXPECT_EQ(read_now->deadline_ns, 99u);
  EXPECT_EQ(read_now->more, 0u);
  ASSERT_EQ(read_now->cases.size(), 3u);
  EXPECT_EQ(read_now->cases[0].act, SelectCase::Act::send);
  EXPECT_EQ(read_now->cases[0].address, channel);
  EXPECT_EQ(read_now->cases[0].object->kind, WaitObject::Kind::channel);
  EXPECT_EQ(read_now->cases[1].act, SelectCase::Act::receive);
  EXPECT_FALSE(read_now->cases[1].object);
  EXPECT_EQ(read_now->cases[2].object->kind, WaitObject::Kind::context);
}

TEST_F(Selects, AHugeCountIsBounded) {
  select().count = UINT32_MAX;
  ASSERT_TRUE(read());
  EXPECT_EQ(read()->cases.size() + read()->more, UINT32_MAX);
  EXPECT_LE(read()->cases.size(), ObjectReader::max_cases);
  select().count = 0;
  EXPECT_TRUE(read()->cases.empty());
}

TEST_F(Selects, CasesThatCannotBeReadAreNone) {
  const coro_select good = select();
  for (const uint64_t stride : {0, 8, 15}) {
    select().stride = stride;
    EXPECT_FALSE(read()) << stride;
  }
  for (const uint64_t stride : {uint64_t{4097}, uint64_t{1} << 40, ~uint64_t{0}}) {
    select().stride = stride;
    EXPECT_FALSE(read()) << stride;
  }
  for (const uint64_t cases : {uint64_t{0}, uint64_t{0xdead0000}, ~uint64_t{0} - 8}) {
    select() = good;
    select().cases = cases;
    EXPECT_FALSE(read()) << cases;
  }
  select() = good;
  select().magic++;
  EXPECT_FALSE(read());
}

TEST_F(Selects, ACaseThatIsNotKnownIsCounted) {
  park({{channel, 77, 0}, {0xdead0000, CORO_SELECT_RECEIVE, 0}});
  ASSERT_TRUE(read());
  EXPECT_EQ(read()->more, 1u);
  ASSERT_EQ(read()->cases.size(), 1u);
  EXPECT_FALSE(read()->cases[0].object);
}

TEST_F(Selects, WhoDoesNotWaitInOneHasNone) {
  image.slab[0].state = CORO_STATE_RUNNABLE;
  EXPECT_FALSE(read());
  image.parked(0, 17).reason = CORO_REASON_CHAN_SEND;
  EXPECT_FALSE(read());
  image.parked(0, 18).reason = CORO_REASON_SELECT;
  EXPECT_FALSE(read()) << "another coroutine";
}

TEST_F(Selects, WhoMovesMeanwhileHasNone) {
  image.before_read = [&](uint64_t at, size_t) {
    if (at == address) image.slab[0].sequence += 2;
  };
  EXPECT_FALSE(read());
}

}  // namespace
}  // namespace coroscope::coro
