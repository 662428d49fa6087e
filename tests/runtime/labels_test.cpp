// SPDX-License-Identifier: Apache-2.0
#include "coro/labels.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "coro/coro.h"
#include "published.h"

namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

class LabelsTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler{{.workers = GetParam(), .require_empty = true}};
};
INSTANTIATE_TEST_SUITE_P(Workers, LabelsTest, testing::Values(0u, 1u, 2u, 8u));

// The texts that a header's annotation leads to.
std::vector<std::string> published_texts(std::uint64_t address) {
  std::vector<std::string> texts;
  if (address == 0) return texts;
  coro_annotation annotation{};
  std::memcpy(&annotation, reinterpret_cast<const void*>(address), sizeof annotation);
  const char* text = reinterpret_cast<const char*>(address + sizeof annotation);
  const char* end = text + annotation.size;
  while (text != end) {
    texts.emplace_back(text);
    text += texts.back().size() + 1;
  }
  EXPECT_EQ(texts.size(), 1 + 2 * std::size_t{annotation.labels});
  return texts;
}

std::vector<std::string> own_texts() {
  return published_texts(read_header(*find_header(coro::current_id()))->annotation);
}

TEST_P(LabelsTest, ArePublishedSortedAndReplaced) {
  scheduler.run([] {
    EXPECT_EQ(own_texts(), std::vector<std::string>());
    coro::set_label("queue", "orders");
    coro::set_label("city", "");
    coro::set_name("courier");
    const std::vector<std::string> all = {"courier", "city", "", "queue", "orders"};
    EXPECT_EQ(own_texts(), all);
    EXPECT_EQ(coro::current_name(), "courier");
    EXPECT_EQ(coro::current_labels(), (Labels{{"city", ""}, {"queue", "orders"}}));
    coro::set_label("city", "Rome");
    coro::set_name("");
    coro::remove_label("queue");
    coro::remove_label("unknown");
    EXPECT_EQ(own_texts(), (std::vector<std::string>{"", "city", "Rome"}));
    coro::remove_label("city");
    EXPECT_EQ(read_header(*find_header(coro::current_id()))->annotation, 0u);
  });
}

TEST_P(LabelsTest, AreInheritedWithoutTheName) {
  scheduler.run([] {
    coro::WaitGroup group;
    group.add(2);
    coro::set_name("parent");
    coro::go([&] {
      EXPECT_EQ(coro::current_name(), "");
      EXPECT_EQ(coro::current_labels(), Labels());
      group.done();
    });
    coro::set_label("tenant", "a");
    coro::go([&] {
      EXPECT_EQ(coro::current_name(), "");
      EXPECT_EQ(coro::current_labels(), (Labels{{"tenant", "a"}}));
      coro::set_label("tenant", "b");
      coro::set_label("own", "1");
      group.done();
    });
    group.wait();
    EXPECT_EQ(coro::current_name(), "parent");
    EXPECT_EQ(coro::current_labels(), (Labels{{"tenant", "a"}}));
  });
  scheduler.wait_empty();
}

coro::Task<void> check_labels(coro::WaitGroup& group, Labels labels) {
  EXPECT_EQ(coro::current_labels(), labels);
  coro::set_name("task");
  co_await coro::async_yield();
  EXPECT_EQ(own_texts().front(), "task");
  group.done();
}

TEST_P(LabelsTest, OfTasks) {
  scheduler.run([] {
    coro::WaitGroup group;
    group.add(2);
    coro::go(check_labels(group, {}));
    coro::set_label("tenant", "a");
    coro::go(check_labels(group, {{"tenant", "a"}}));
    group.wait();
  });
  scheduler.wait_empty();
}

TEST_P(LabelsTest, AreSharedByManyChildrenWhileTheParentChanges) {
  scheduler.run([] {
    coro::WaitGroup group;
    for (int i = 0; i < 200; ++i) {
      const std::string value = std::to_string(i);
      coro::set_label("round", value);
      group.add(1);
      coro::go([&group, value] {
        EXPECT_EQ(coro::current_labels(), (Labels{{"round", value}}));
        coro::yield();
        EXPECT_EQ(coro::current_labels(), (Labels{{"round", value}}));
        group.done();
      });
    }
    group.wait();
  });
  scheduler.wait_empty();
}

TEST_P(LabelsTest, LeaveWhatIsThereAloneWhenTheyAreWrong) {
  scheduler.run([] {
    coro::set_name("n");
    EXPECT_THROW(coro::set_label("", "value"), coro::UsageError);
    EXPECT_THROW(coro::set_label(std::string_view("a\0b", 3), "value"), coro::UsageError);
    EXPECT_THROW(coro::set_name(std::string(CORO_ANNOTATION_MAX, 'x')), coro::UsageError);
    EXPECT_EQ(own_texts(), (std::vector<std::string>{"n"}));
    // To the last byte.
    const std::string longest(CORO_ANNOTATION_MAX - 1, 'x');
    coro::set_name(longest);
    EXPECT_EQ(own_texts(), (std::vector<std::string>{longest}));
    EXPECT_THROW(coro::set_label("k", ""), coro::UsageError);
  });
}

TEST(Labels, OutsideOfACoroutine) {
  EXPECT_THROW(coro::set_name("n"), coro::UsageError);
  EXPECT_THROW(coro::set_label("k", "v"), coro::UsageError);
  EXPECT_EQ(coro::current_name(), "");
  EXPECT_EQ(coro::current_labels(), Labels());
}

// The coroutine's own are freed with it, also if it never ended.
TEST(Labels, OfCoroutinesThatAreLeft) {
  coro::Scheduler scheduler({.workers = 1});
  std::uint64_t id = 0;
  scheduler.run([&id] {
    coro::go([&id] {
      coro::set_name("left");
      id = coro::current_id();
      static_cast<void>(coro::Channel<int>().receive());
    });
    coro::yield();
  });
  EXPECT_EQ(published_texts(wait_for_state(id, CORO_STATE_PARKED).annotation),
            (std::vector<std::string>{"left"}));
}

}  // namespace
