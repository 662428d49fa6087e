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

std::string counted(uint64_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

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
    return fmt::format("pid {}  {}  ({}, {})  {}\n", dump.pid,
                       shorten(dump.command, longest_command), dump.runtime,
                       counted(dump.workers, "worker", "workers"),
                       counted(dump.records.size(), "coroutine", "coroutines"));
  }

  std::string line(const WaitTreePage& page, const WaitTree::Line& line,
                   const DumpDetail& names) override {
    std::string text = line.depth == 0 ? "\n" : "";
    text.append(size_t{2} * std::min(line.depth, deepest_indent), ' ');
    if (line.depth > deepest_indent) text += fmt::format("({} deep) ", line.depth);
    text += line.kind == WaitTree::Kind::cycle ? cycle_text(page.tree.cycles[line.cycle])
                                               : coroutine_text(page, line, names);
    return text + "\n";
  }

  std::string end(const WaitTreePage& page, uint64_t names_unread) override {
    const WaitTree& tree = page.tree;
    std::string text = "\n";
    if (const size_t hidden = tree.roots.size() - page.roots_shown; hidden > 0) {
      text +=
          fmt::format("and {}, beyond --limit\n", counted(hidden, "further tree", "further trees"));
    }
    text += fmt::format("{} in {}, {}\n", counted(tree.coroutines, "coroutine", "coroutines"),
                        counted(tree.roots.size(), "tree", "trees"),
                        counted(tree.cycles.size(), "cycle", "cycles"));
    text += fmt::format("{} for nothing that names a coroutine",
                        counted(tree.others_waiting, "other waits", "others wait"));
    if (tree.others > 0) text += fmt::format(", {} not wait", counted(tree.others, "does", "do"));
    text += "\n";
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
};

}  // namespace

std::unique_ptr<WaitTreeEncoder> text_wait_tree() {
  return std::make_unique<TextWaitTree>();
}

}  // namespace coroscope
