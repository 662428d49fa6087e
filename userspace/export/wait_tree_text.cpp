// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "export/dump.h"
#include "export/text_parts.h"
#include "export/wait_tree.h"
#include "util/text.h"

namespace coroscope {
namespace {

// A chain may be a million long: beyond this a number says how deep it is.
constexpr uint32_t deepest_indent = 40;

// Of those who wait for the same one at the same place; a million may.
constexpr uint64_t most_alike = 5;

std::string cycle_text(const WaitTree::Cycle& cycle) {
  std::string text = fmt::format("cycle: coroutine {} waits for itself", cycle.id);
  for (size_t i = 0; i < cycle.through.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? " through " : ", ", cycle.through[i]);
  }
  if (cycle.more > 0) text += fmt::format(" and {} more", cycle.more);
  return text;
}

// The innermost frame of the program where it waits; where that is not known, of
// where it was started.
std::string place_text(const Dump& dump, const DumpRecord& record) {
  const char* title = "  ";
  const ReportedFrame* top = top_frame(dump.parked_stack(record.parked_stack).frames);
  if (top == nullptr || !top->of_program()) {
    title = "  spawned at ";
    top = top_frame(dump.spawn_stack(record.spawn_stack).frames);
  }
  if (top == nullptr) return "";
  const std::string where = location(*top);
  return fmt::format("{}{}{}{}", title, top->function, where.empty() ? "" : "  ", where);
}

std::string state_text(const Dump& dump, const DumpRecord& record) {
  std::string text = dump.reason_of(record.activity, record.reason);
  if (record.activity == Activity::parked) text += ", " + duration(record.wait_ns);
  return fmt::format("[{}]{}", text, place_text(dump, record));
}

std::string coroutine_text(const WaitTreePage& page, const WaitTree::Line& line,
                           const DumpDetail& names) {
  std::string text = fmt::format("coroutine {}", line.id);
  if (!names.name.empty()) text += fmt::format(" \"{}\"", names.name);
  if (line.kind == WaitTree::Kind::again) return text + " [also told elsewhere]";
  if (line.record == WaitTree::no_record) return text + " [not alive any more, or not read]";
  return text + " " + state_text(page.dump, page.dump.records[line.record]);
}

class TextWaitTree : public WaitTreeEncoder {
 public:
  std::string begin(const WaitTreePage& page) override {
    const Dump& dump = page.dump;
    return fmt::format("{}  {}  ({}, {})  {}\n", pid_text(dump.pid, dump.inner_pid),
                       shorten(dump.command, longest_command), dump.runtime,
                       counted(dump.workers, "worker", "workers"),
                       counted(dump.records.size(), "coroutine", "coroutines"));
  }

  std::string line(const WaitTreePage& page, const WaitTree::Line& line,
                   const DumpDetail& names) override {
    const Alike alike = alike_of(page, line);
    if (alike == alike_ && alike.depth > 0 && ++shown_ > most_alike) return "";
    std::string text;
    if (alike != alike_) text = end_of_alike();
    alike_ = alike;
    if (line.depth == 0) text += "\n";
    text += indent(line.depth);
    text += line.kind == WaitTree::Kind::cycle ? cycle_text(page.tree.cycles[line.cycle])
                                               : coroutine_text(page, line, names);
    return text + "\n";
  }

  std::string end(const WaitTreePage& page, uint64_t names_unread) override {
    const WaitTree& tree = page.tree;
    std::string text = end_of_alike() + "\n";
    if (const size_t hidden = tree.roots.size() - page.roots_shown; hidden > 0) {
      text +=
          fmt::format("and {}, beyond --limit\n", counted(hidden, "further tree", "further trees"));
    }
    text += fmt::format("{} in {}, {}\n", counted(tree.coroutines, "coroutine", "coroutines"),
                        counted(tree.roots.size(), "tree", "trees"),
                        counted(tree.cycles.size(), "cycle", "cycles"));
    if (tree.others_waiting > 0) {
      text += fmt::format("{} for nothing that names a coroutine\n",
                          counted(tree.others_waiting, "other waits", "others wait"));
    }
    if (tree.others > 0) {
      text += fmt::format("{} not wait\n", counted(tree.others, "other does", "others do"));
    }
    if (page.moved > 0) {
      text += fmt::format("note  {} changed while being read: left out\n",
                          counted(page.moved, "wait", "waits"));
    }
    text += dump_losses_text({.dump = page.dump}, names_unread);
    return text + fmt::format("completeness {}%  ({}, read in {})\n",
                              percent(page.dump.completeness(), page.dump.losses.total() == 0),
                              counted(page.dump.records.size(), "coroutine", "coroutines"),
                              duration(page.dump.census_ns));
  }

 private:
  // Those for whom nobody waits are alike if all of this is the same; of others
  // the depth is 0.
  struct Alike {
    uint32_t depth = 0;
    Reason reason = 0;
    ParkedStack parked_stack = 0;
    SpawnStack spawn_stack = 0;
    bool operator==(const Alike&) const = default;
  };

  static Alike alike_of(const WaitTreePage& page, const WaitTree::Line& line) {
    if (line.kind != WaitTree::Kind::coroutine || line.record == WaitTree::no_record) return {};
    const auto& lines = page.tree.lines;
    const auto next = static_cast<size_t>(&line - lines.data()) + 1;
    if (next < lines.size() && lines[next].depth > line.depth) return {};
    const DumpRecord& record = page.dump.records[line.record];
    return {line.depth, record.reason, record.parked_stack, record.spawn_stack};
  }

  static std::string indent(uint32_t depth) {
    const std::string blanks(size_t{2} * std::min(depth, deepest_indent), ' ');
    return depth > deepest_indent ? fmt::format("{}({} deep) ", blanks, depth) : blanks;
  }

  // Says how many of them were not shown.
  std::string end_of_alike() {
    const uint64_t hidden = shown_ > most_alike ? shown_ - most_alike : 0;
    shown_ = 1;
    return hidden == 0 ? "" : fmt::format("{}and {} more like it\n", indent(alike_.depth), hidden);
  }

  Alike alike_;
  uint64_t shown_ = 1;  // of those alike, or would have been
};

}  // namespace

std::unique_ptr<WaitTreeEncoder> text_wait_tree() {
  return std::make_unique<TextWaitTree>();
}

}  // namespace coroscope
