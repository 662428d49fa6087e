// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "export/dump.h"
#include "export/flame_frames.h"
#include "export/flame_graph_page.h"
#include "util/text.h"

namespace coroscope {
namespace {

using NodeId = uint32_t;
using TextId = uint32_t;

struct Node {
  NodeId parent;
  TextId function;
  TextId file;
  uint32_t line;
  uint64_t coroutines;
  uint64_t longest_wait_ns;
};

// FlameTree is the stacks as one tree, outermost frame first.
class FlameTree {
 public:
  explicit FlameTree(const HtmlBounds& bounds) : bounds_(bounds) {
    nodes_.push_back({0, *text("all"), *text(""), 0, 0, 0});
  }

  // Outermost frame first. What is beyond the bounds is counted at the last frame within.
  void add(const std::vector<const ReportedFrame*>& stack, uint64_t coroutines, uint64_t wait_ns) {
    NodeId node = 0;
    count(node, coroutines, wait_ns);
    for (size_t depth = 0; depth < stack.size(); ++depth) {
      const NodeId next = depth < bounds_.depth ? child(node, *stack[depth]) : 0;
      if (next == 0) {
        beyond_ += coroutines;
        return;
      }
      node = next;
      count(node, coroutines, wait_ns);
    }
  }

  // Coroutines whose stacks are not shown to their innermost frame.
  uint64_t beyond() const { return beyond_; }

  // The columns that flame_graph_layout.js wants, one node after the other.
  std::vector<uint64_t> columns() const {
    constexpr uint64_t ns_per_ms = 1'000'000;
    std::vector<uint64_t> values;
    for (const Node& node : nodes_) {
      values.insert(values.end(), {node.parent, node.function, node.file, node.line,
                                   node.coroutines, node.longest_wait_ns / ns_per_ms});
    }
    return values;
  }

  const std::vector<std::string>& texts() const { return texts_; }

 private:
  // 0 if there is no room for it.
  NodeId child(NodeId parent, const ReportedFrame& frame) {
    const auto function = text(frame.function);
    const auto file = text(frame.file);
    if (!function || !file) return 0;
    const std::tuple key(parent, *function, *file, frame.line);
    const auto found = children_.find(key);
    if (found != children_.end()) return found->second;
    if (nodes_.size() >= bounds_.nodes) return 0;
    const auto id = static_cast<NodeId>(nodes_.size());
    nodes_.push_back({parent, *function, *file, frame.line, 0, 0});
    children_.emplace(key, id);
    return id;
  }

  void count(NodeId id, uint64_t coroutines, uint64_t wait_ns) {
    nodes_[id].coroutines += coroutines;
    nodes_[id].longest_wait_ns = std::max(nodes_[id].longest_wait_ns, wait_ns);
  }

  // Nothing if there is no room for it.
  std::optional<TextId> text(const std::string& whole) {
    std::string shown = shorten(whole, bounds_.name_bytes);
    const auto found = text_ids_.find(shown);
    if (found != text_ids_.end()) return found->second;
    if (text_bytes_ + shown.size() > bounds_.text_bytes) return std::nullopt;
    text_bytes_ += shown.size();
    const auto id = static_cast<TextId>(texts_.size());
    texts_.push_back(shown);
    text_ids_.emplace(std::move(shown), id);
    return id;
  }

  const HtmlBounds bounds_;
  std::vector<Node> nodes_;
  std::map<std::tuple<NodeId, TextId, TextId, uint32_t>, NodeId> children_;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, TextId> text_ids_;
  size_t text_bytes_ = 0;
  uint64_t beyond_ = 0;
};

// JSON that may stand inside of a script element: there, only '<' could end it,
// and outside of strings JSON has none.
std::string script_safe(const nlohmann::json& json) {
  std::string safe;
  for (const char c : json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

class HtmlDump : public DumpEncoder {
 public:
  explicit HtmlDump(const HtmlBounds& bounds) : tree_(bounds) {}

  std::string begin(const DumpPage&) override { return {}; }

  std::string group(const DumpPage& page, const DumpGroup& group, const DumpDetail&,
                    const ReportedNames&) override {
    ReportedFrame reason;
    reason.function = "[" + page.dump.reason_of(group.activity, group.reason) + "]";
    auto stack = flame_frames(page.dump, group.activity, group.parked_stack);
    std::reverse(stack.begin(), stack.end());
    stack.push_back(&reason);
    tree_.add(stack, group.members.size(), group.longest_wait_ns);
    return {};
  }

  std::string coroutine(const DumpPage&, const DumpRecord&, const DumpDetail&) override {
    return {};
  }

  std::string end(const DumpPage& page, uint64_t names_unread) override {
    std::string notes = dump_begin_text(page);
    if (tree_.beyond() > 0) {
      notes +=
          fmt::format("note  of {} coroutines the inner frames are beyond what this page holds\n",
                      tree_.beyond());
    }
    const nlohmann::json json = {{"title", fmt::format("coroscope dump {}", page.dump.pid)},
                                 {"notes", notes + dump_end_text(page, names_unread)},
                                 {"texts", tree_.texts()},
                                 {"nodes", tree_.columns()}};
    constexpr std::string_view mark = "THE_DUMP_GOES_HERE";
    const size_t place = flame_graph_page.find(mark);
    return std::string(flame_graph_page.substr(0, place)) + script_safe(json) +
           std::string(flame_graph_page.substr(place + mark.size()));
  }

 private:
  FlameTree tree_;
};

}  // namespace

std::unique_ptr<DumpEncoder> html_dump(const HtmlBounds& bounds) {
  return std::make_unique<HtmlDump>(bounds);
}

}  // namespace coroscope
