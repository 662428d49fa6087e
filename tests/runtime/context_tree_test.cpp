// SPDX-License-Identifier: Apache-2.0
// Trees of contexts: random ones against a model, deep ones, forgotten ones, and
// many coroutines at one.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "context_core.h"
#include "coro/coro.h"

namespace {

using coro::Context;
using coro::ContextError;

// Children that have a place in the context.
std::uint32_t children_of(const Context& context) {
  return coro::detail::core_of(context)->children();
}

using Alive = std::shared_ptr<int>;

TEST(ContextTree, AChildThatEndsFreesItsPlace) {
  const auto [parent, cancel_parent] = coro::with_cancel({});
  for (int i = 0; i < 100; ++i) {
    const auto [child, cancel] = coro::with_cancel(coro::with_value<int>(parent, i));
    EXPECT_EQ(children_of(parent), 1u);
    cancel();
    EXPECT_EQ(children_of(parent), 0u);
  }
  cancel_parent();
}

TEST(ContextTree, AForgottenChildKeepsItsPlaceUntilItsParentEnds) {
  const auto [parent, cancel] = coro::with_cancel({});
  for (int i = 0; i < 100; ++i) static_cast<void>(coro::with_cancel(parent));
  EXPECT_EQ(children_of(parent), 100u);
  cancel();
  EXPECT_EQ(children_of(parent), 0u);
}

// Forgotten with its root, a tree is gone, as it is in Go.
TEST(ContextTree, AForgottenTreeIsFreed) {
  const auto alive = std::make_shared<int>(1);
  {
    const auto [root, cancel] = coro::with_cancel(coro::with_value<Alive>({}, alive));
    for (int i = 0; i < 10; ++i) {
      const auto [child, cancel_child] = coro::with_cancel(coro::with_value<Alive>(root, alive));
      for (int k = 0; k < 10; ++k) {
        static_cast<void>(coro::with_cancel(coro::with_value<Alive>(child, alive)));
      }
    }
    EXPECT_EQ(alive.use_count(), 2);  // what a forgotten child refers to is free at once
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(ContextTree, AHandleBelowKeepsTheWayUp) {
  Context leaf;
  {
    const auto [root, cancel] = coro::with_cancel(coro::with_value<int>({}, 3));
    leaf = coro::with_cancel(coro::with_cancel(root).context).context;
  }
  EXPECT_EQ(*leaf.value<int>(), 3);
  EXPECT_FALSE(leaf.done());
}

TEST(ContextTree, MayBeDeeperThanAStack) {
  constexpr int depth = 100'000;
  for (const bool cancelled : {true, false}) {
    coro::CancelableContext top = coro::with_cancel({});
    Context bottom = top.context;
    for (int i = 0; i < depth; ++i) bottom = coro::with_cancel(bottom).context;
    if (cancelled) top.cancel();
    EXPECT_EQ(bottom.done(), cancelled);
  }
}

struct Model {
  struct Node {
    Context context;
    coro::Cancel cancel;
    std::size_t parent;
    bool cancelable;
    bool ended;
  };
  std::vector<Node> nodes;

  void end(std::size_t number) {
    nodes[number].ended = true;
    // A parent comes before its children.
    for (std::size_t i = number + 1; i < nodes.size(); ++i) {
      if (nodes[nodes[i].parent].ended) nodes[i].ended = true;
    }
  }
  // A value ends with its source only.
  std::size_t source(std::size_t number) const {
    while (!nodes[number].cancelable) number = nodes[number].parent;
    return number;
  }
};

TEST(ContextTree, RandomTreesAgreeWithAModel) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    Model model;
    auto root = coro::with_cancel({});
    model.nodes.push_back({root.context, root.cancel, 0, true, false});
    for (int step = 0; step < 200; ++step) {
      const std::size_t chosen = random() % model.nodes.size();
      if (random() % 4 != 0) {
        const Model::Node parent = model.nodes[chosen];
        if (random() % 3 == 0) {
          const Context value = coro::with_value<int>(parent.context, step);
          model.nodes.push_back({value, {}, chosen, false, parent.ended});
        } else {
          auto child = coro::with_cancel(parent.context);
          model.nodes.push_back({child.context, child.cancel, chosen, true, parent.ended});
        }
      } else if (random() % 4 == 0 && chosen != 0) {
        model.nodes[chosen].cancel();
        if (model.nodes[chosen].cancelable) model.end(chosen);
      }
      for (const Model::Node& node : model.nodes) {
        ASSERT_EQ(node.context.done(), node.ended) << "seed " << seed << " step " << step;
      }
    }
    for (std::size_t i = 0; i < model.nodes.size(); ++i) {
      std::uint32_t places = 0;
      for (std::size_t k = 1; k < model.nodes.size(); ++k) {
        const bool counted = model.nodes[k].cancelable && !model.nodes[k].ended;
        if (counted && model.source(model.nodes[k].parent) == model.source(i)) ++places;
      }
      ASSERT_EQ(children_of(model.nodes[i].context), places) << "seed " << seed;
    }
    root.cancel();
    for (const Model::Node& node : model.nodes) ASSERT_TRUE(node.context.done());
  }
}

class ContextTreeLoad : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Workers, ContextTreeLoad, testing::Values(0u, 1u, 2u, 8u));

// Grows, forgets and cancels below one context until that ends.
void wander(std::mt19937 random, const Context& root, const Context& shared) {
  std::vector<coro::CancelableContext> own;
  while (!root.done()) {
    const Context& parent =
        own.empty() || random() % 3 == 0 ? shared : own[random() % own.size()].context;
    switch (random() % 6) {
      case 0:
        if (!own.empty()) own[random() % own.size()].cancel();
        break;
      case 1:
        if (!own.empty())
          own.erase(own.begin() + static_cast<std::ptrdiff_t>(random() % own.size()));
        break;
      case 2:
        coro::yield();
        break;
      case 3:
        own.push_back(coro::with_timeout(coro::with_value<int>(parent, 1),
                                         std::chrono::microseconds(random() % 500)));
        break;
      default:
        own.push_back(coro::with_cancel(parent));
    }
    if (own.size() > 20) own.pop_back();
  }
  for (const auto& made : own) EXPECT_TRUE(made.context.done());
}

TEST_P(ContextTreeLoad, ManyGrowAndCutOneTree) {
  coro::Scheduler scheduler({.workers = GetParam(), .require_empty = true});
  scheduler.run([] {
    for (unsigned round = 0; round < 10; ++round) {
      const auto [root, cancel] = coro::with_cancel({});
      const auto [shared, cancel_shared] = coro::with_cancel(root);
      coro::WaitGroup group;
      std::atomic<int> steps{0};
      for (unsigned i = 0; i < 6; ++i) {
        group.add(1);
        coro::go([&, root = root, shared = shared, seed = round * 100 + i] {
          ++steps;
          wander(std::mt19937(seed), root, shared);
          group.done();
        });
        coro::go([&, context = coro::with_cancel(shared).context] {
          context.wait();
          ++steps;
        });
      }
      for (int i = 0; i < 50; ++i) coro::yield();
      if (round % 2 == 0) cancel_shared();
      for (int i = 0; i < 5; ++i) coro::yield();
      cancel();
      EXPECT_TRUE(shared.done());
      group.wait();
      while (steps != 12) coro::yield();
      EXPECT_EQ(children_of(root), 0u);
    }
  });
  scheduler.wait_empty();
}

}  // namespace
