// SPDX-License-Identifier: Apache-2.0
#include "model/wait_tree.h"

#include <algorithm>
#include <span>
#include <tuple>

namespace coroscope {
namespace {

constexpr size_t through_shown = 8;

// Graph has the coroutines that are named by an edge as numbers from 0 on, in
// the order of their ids. Nothing here recurses: a chain may be a million long.
class Graph {
 public:
  explicit Graph(std::vector<WaitEdge> edges);

  uint32_t size() const { return static_cast<uint32_t>(ids_.size()); }
  uint64_t id(uint32_t node) const { return ids_[node]; }
  bool has(uint64_t id) const { return std::binary_search(ids_.begin(), ids_.end(), id); }
  uint32_t number(uint64_t id) const {  // of one that it has
    return static_cast<uint32_t>(std::lower_bound(ids_.begin(), ids_.end(), id) - ids_.begin());
  }
  std::span<const uint32_t> waiters(uint32_t node) const { return of(waiters_, waiters_at_, node); }
  std::span<const uint32_t> awaited(uint32_t node) const { return of(awaited_, awaited_at_, node); }

  // Puts those first who come first by `before`.
  template <typename Before>
  void sort_waiters(Before before) {
    for (uint32_t node = 0; node < size(); ++node) {
      std::sort(waiters_.begin() + waiters_at_[node], waiters_.begin() + waiters_at_[node + 1],
                before);
    }
  }

 private:
  static std::span<const uint32_t> of(const std::vector<uint32_t>& all,
                                      const std::vector<uint32_t>& at, uint32_t node) {
    return {all.data() + at[node], all.data() + at[node + 1]};
  }

  std::vector<uint64_t> ids_;  // ascending
  std::vector<uint32_t> waiters_, awaited_;
  std::vector<uint32_t> waiters_at_, awaited_at_;  // by node, and one more: where its own begin
};

Graph::Graph(std::vector<WaitEdge> edges) {
  std::erase_if(edges, [](const WaitEdge& edge) { return edge.waiter == 0 || edge.awaited == 0; });
  const auto by_waiter = [](const WaitEdge& a, const WaitEdge& b) {
    return std::tie(a.waiter, a.awaited) < std::tie(b.waiter, b.awaited);
  };
  std::sort(edges.begin(), edges.end(), by_waiter);
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  for (const WaitEdge& edge : edges) ids_.insert(ids_.end(), {edge.waiter, edge.awaited});
  std::sort(ids_.begin(), ids_.end());
  ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());

  waiters_.resize(edges.size());
  waiters_at_.assign(ids_.size() + 1, 0);
  awaited_at_.assign(ids_.size() + 1, 0);
  for (const WaitEdge& edge : edges) {
    const uint32_t to = number(edge.awaited);
    awaited_at_[number(edge.waiter) + 1]++;
    waiters_at_[to + 1]++;
    awaited_.push_back(to);
  }
  for (size_t i = 1; i < awaited_at_.size(); ++i) {
    awaited_at_[i] += awaited_at_[i - 1];
    waiters_at_[i] += waiters_at_[i - 1];
  }
  std::vector<uint32_t> next = waiters_at_;
  for (uint32_t node = 0; node < size(); ++node) {
    for (const uint32_t to : awaited(node)) waiters_[next[to]++] = node;
  }
}

// Builder goes down from each root, once over each coroutine.
class Builder {
 public:
  Builder(const Dump& dump, const Graph& graph, std::vector<uint32_t> records)
      : dump_(dump),
        graph_(graph),
        records_(std::move(records)),
        state_(graph.size(), State::unseen),
        depth_(graph.size()) {}

  WaitTree build();

 private:
  enum class State : uint8_t { unseen, on_path, done };
  struct Step {  // one coroutine of the path, and how many of those below it were told
    uint32_t node;
    uint32_t told;
  };

  void descend(uint32_t root);
  void visit(uint32_t node, WaitTree::Root& root);
  void add_cycle(uint32_t node);
  uint32_t in_a_cycle(uint32_t from) const;
  void sort_roots();
  void count_others();

  const Dump& dump_;
  const Graph& graph_;
  const std::vector<uint32_t> records_;  // by node
  std::vector<State> state_;
  std::vector<uint32_t> depth_;  // of those on the path
  std::vector<Step> path_;
  WaitTree tree_;
};

// `node` is on the path, and its last one is what it waits for.
void Builder::add_cycle(uint32_t node) {
  const size_t length = path_.size() - 1 - depth_[node];
  const size_t shown = std::min(length, through_shown);
  WaitTree::Cycle cycle{.id = graph_.id(node), .through = {}, .more = length - shown};
  for (size_t i = 1; i <= shown; ++i) {
    cycle.through.push_back(graph_.id(path_[path_.size() - i].node));
  }
  tree_.lines.back().cycle = static_cast<uint32_t>(tree_.cycles.size());
  tree_.cycles.push_back(std::move(cycle));
}

void Builder::visit(uint32_t node, WaitTree::Root& root) {
  tree_.lines.push_back(
      {graph_.id(node), records_[node], static_cast<uint32_t>(path_.size()), {}, 0});
  switch (state_[node]) {
    case State::on_path:
      tree_.lines.back().kind = WaitTree::Kind::cycle;
      add_cycle(node);
      root.cycles++;
      break;
    case State::done:
      tree_.lines.back().kind = WaitTree::Kind::again;
      break;
    case State::unseen:
      root.waiting += !path_.empty();
      state_[node] = State::on_path;
      depth_[node] = static_cast<uint32_t>(path_.size());
      path_.push_back({node, 0});
      break;
  }
}

void Builder::descend(uint32_t from) {
  WaitTree::Root root{tree_.lines.size(), 0, 0};
  visit(from, root);
  while (!path_.empty()) {
    Step& step = path_.back();
    const auto waiters = graph_.waiters(step.node);
    if (step.told < waiters.size()) {
      visit(waiters[step.told++], root);
    } else {
      state_[step.node] = State::done;
      path_.pop_back();
    }
  }
  tree_.roots.push_back(root);
}

// Whom an unseen one waits for is unseen as well: going on leads into a cycle. Of
// that the one with the lowest id.
uint32_t Builder::in_a_cycle(uint32_t from) const {
  // Floyd's: two that go at different speed meet inside of it.
  const auto next = [this](uint32_t node) { return graph_.awaited(node).front(); };
  uint32_t slow = next(from);
  for (uint32_t fast = next(slow); slow != fast; fast = next(next(fast))) slow = next(slow);
  uint32_t lowest = slow;
  for (uint32_t node = next(slow); node != slow; node = next(node)) lowest = std::min(lowest, node);
  return lowest;
}

void Builder::sort_roots() {
  std::stable_sort(tree_.roots.begin(), tree_.roots.end(),
                   [](const WaitTree::Root& a, const WaitTree::Root& b) {
                     return std::tie(a.cycles, a.waiting) > std::tie(b.cycles, b.waiting);
                   });
}

void Builder::count_others() {
  std::vector<bool> in_tree(dump_.records.size());
  for (const uint32_t record : records_) {
    if (record == WaitTree::no_record) continue;
    in_tree[record] = true;
    tree_.coroutines++;
  }
  for (size_t i = 0; i < in_tree.size(); ++i) {
    if (in_tree[i]) continue;
    (dump_.records[i].activity == Activity::parked ? tree_.others_waiting : tree_.others)++;
  }
}

WaitTree Builder::build() {
  for (uint32_t node = 0; node < graph_.size(); ++node) {
    if (graph_.awaited(node).empty()) descend(node);
  }
  for (uint32_t node = 0; node < graph_.size(); ++node) {
    while (state_[node] == State::unseen) descend(in_a_cycle(node));
  }
  sort_roots();
  count_others();
  return std::move(tree_);
}

// The record of each node.
std::vector<uint32_t> find_records(const Dump& dump, const Graph& graph) {
  std::vector<std::pair<uint64_t, uint32_t>> by_id;
  by_id.reserve(dump.records.size());
  for (uint32_t i = 0; i < dump.records.size(); ++i) by_id.emplace_back(dump.records[i].id, i);
  std::sort(by_id.begin(), by_id.end());
  std::vector<uint32_t> records(graph.size(), WaitTree::no_record);
  auto at = by_id.begin();
  for (uint32_t node = 0; node < graph.size(); ++node) {
    while (at != by_id.end() && at->first < graph.id(node)) ++at;
    if (at != by_id.end() && at->first == graph.id(node)) records[node] = at->second;
  }
  return records;
}

}  // namespace

WaitTree build_wait_tree(const Dump& dump, std::vector<WaitEdge> edges) {
  Graph graph(std::move(edges));
  std::vector<uint32_t> records = find_records(dump, graph);
  const auto wait = [&](uint32_t node) {
    return records[node] == WaitTree::no_record ? 0 : dump.records[records[node]].wait_ns;
  };
  graph.sort_waiters([&wait](uint32_t a, uint32_t b) {
    const uint64_t one = wait(a);
    const uint64_t other = wait(b);
    return one != other ? one > other : a < b;
  });
  return Builder(dump, graph, std::move(records)).build();
}

// Takes off, again and again, whoever waits for nobody or is waited for by nobody.
std::vector<WaitEdge> cyclic_edges(std::vector<WaitEdge> edges) {
  const Graph graph(edges);
  std::vector<uint32_t> waiters(graph.size());
  std::vector<uint32_t> awaited(graph.size());
  std::vector<bool> off(graph.size());
  std::vector<uint32_t> ready;
  const auto look = [&](uint32_t node) {
    if (off[node] || (waiters[node] > 0 && awaited[node] > 0)) return;
    off[node] = true;
    ready.push_back(node);
  };
  for (uint32_t node = 0; node < graph.size(); ++node) {
    waiters[node] = static_cast<uint32_t>(graph.waiters(node).size());
    awaited[node] = static_cast<uint32_t>(graph.awaited(node).size());
  }
  for (uint32_t node = 0; node < graph.size(); ++node) look(node);
  while (!ready.empty()) {
    const uint32_t node = ready.back();
    ready.pop_back();
    for (const uint32_t other : graph.waiters(node)) {
      awaited[other]--;
      look(other);
    }
    for (const uint32_t other : graph.awaited(node)) {
      waiters[other]--;
      look(other);
    }
  }
  std::erase_if(edges, [&](const WaitEdge& edge) {
    const auto is_off = [&](uint64_t id) { return !graph.has(id) || off[graph.number(id)]; };
    return is_off(edge.waiter) || is_off(edge.awaited);
  });
  return edges;
}

}  // namespace coroscope
