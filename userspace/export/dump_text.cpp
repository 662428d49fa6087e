// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "export/dump.h"
#include "export/text_parts.h"
#include "util/text.h"

namespace coroscope {
namespace {

std::string coroutines(uint64_t count) {
  return counted(count, "coroutine", "coroutines");
}

// "1166 parked, 2 running"
std::string by_activity(const Dump& dump) {
  std::string text;
  for (const Activity activity :
       {Activity::parked, Activity::running, Activity::runnable, Activity::syscall}) {
    const uint64_t count = dump.count(activity);
    if (count == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? ": " : ", ", count, activity_name(activity));
  }
  return text;
}

// Instead of a parked stack.
const char* why_no_stack(Activity activity) {
  switch (activity) {
    case Activity::running:
      return "(it runs: where is not known)";
    case Activity::runnable:
      return "(its turn came before its stack was read)";
    case Activity::syscall:
    case Activity::parked:
      break;
  }
  return "(stack not read)";
}

void add_dumped(Out out, const char* title, const DumpedStack& stack, const char* otherwise) {
  add_stack(out, title, stack.frames, otherwise);
  if (!stack.cut.empty()) fmt::format_to(out, "  {:<12}(cut here: {})\n", "", stack.cut);
}

// Where it is, as far as that is known.
void add_place(Out out, Activity activity, const DumpedStack& stack) {
  if (activity != Activity::runnable || stack.frames.empty()) {
    return add_dumped(out, "parked at", stack, why_no_stack(activity));
  }
  const ReportedFrame* top = top_frame(stack.frames);
  if (top->of_program() || !stack.cut.empty()) return add_dumped(out, "goes on at", stack, "");
  fmt::format_to(out, "  {:<12}(in no function of the program)\n", "goes on at");
}

void add_object(Out out, const DumpRecord& record, const DumpDetail& detail) {
  if (!detail.select_cases.empty()) return add_cases(out, detail.select_cases);
  if (record.object == 0) return;
  fmt::format_to(out, "  {:<12}{:#x}{}{}\n", "waits on", record.object,
                 detail.cause.empty() ? "" : ": ", detail.cause);
}

void add_verdict(Out out, const DumpVerdict& verdict) {
  fmt::format_to(out, "  {:<12}{}{}{}\n", "verdict", verdict.verdict,
                 verdict.cause.empty() ? "" : ": ", verdict.cause);
  add_lines(out, "because", verdict.because);
  add_lines(out, "waits for", verdict.chain);
}

std::string waits(const DumpGroup& group) {
  const std::string longest = duration(group.longest_wait_ns);
  if (group.members.size() == 1) return longest;
  const std::string shortest = duration(group.shortest_wait_ns);
  return shortest == longest ? longest : shortest + " to " + longest;
}

void add_created_by(Out out, const DumpRecord& record, const DumpedStack& stack) {
  const ReportedFrame* top = top_frame(stack.frames);
  fmt::format_to(
      out, "  created by  {} in {}, {} ago\n", top ? top->function : "(spawn stack not known)",
      record.parent_id == 0 ? "no coroutine" : fmt::format("coroutine {}", record.parent_id),
      duration(record.age_ns));
}

class TextDump : public DumpEncoder {
 public:
  std::string begin(const DumpPage& page) override { return dump_begin_text(page) + "\n"; }

  std::string group(const DumpPage& page, const DumpGroup& group, const DumpDetail& example,
                    const ReportedNames& named) override {
    const Dump& dump = page.dump;
    const DumpRecord& record = dump.records[group.example];
    std::string text;
    const Out out(text);
    fmt::format_to(out, "{} [{}", coroutines(group.members.size()),
                   dump.reason_of(group.activity, group.reason));
    if (group.activity == Activity::parked) fmt::format_to(out, ", {}", waits(group));
    text += "]\n";
    const DumpVerdict* verdict = dump.verdict_of(record);
    if (verdict != nullptr) add_verdict(out, *verdict);
    add_names(out, named);
    add_place(out, group.activity, dump.parked_stack(group.parked_stack));
    add_dumped(out, "spawned at", dump.spawn_stack(group.spawn_stack), "(spawn stack not known)");
    if (verdict != nullptr && !verdict->fix.empty()) add_lines(out, "usual fix", {verdict->fix});
    fmt::format_to(out, "  {:<12}coroutine {}\n", "for example", record.id);
    add_object(out, record, example);
    return text + "\n";
  }

  std::string coroutine(const DumpPage& page, const DumpRecord& record,
                        const DumpDetail& detail) override {
    const Dump& dump = page.dump;
    std::string text;
    const Out out(text);
    fmt::format_to(out, "coroutine {}", record.id);
    if (!detail.name.empty()) fmt::format_to(out, " \"{}\"", detail.name);
    fmt::format_to(out, " [{}", dump.reason_of(record.activity, record.reason));
    if (record.activity == Activity::parked) fmt::format_to(out, ", {}", duration(record.wait_ns));
    text += "]\n";
    const char* title = "labels";
    for (const DumpDetail::Label& label : detail.labels) {
      fmt::format_to(out, "  {:<12}{}={}\n", title, label.key, label.value);
      title = "";
    }
    add_object(out, record, detail);
    add_place(out, record.activity, dump.parked_stack(record.parked_stack));
    const DumpedStack& spawned = dump.spawn_stack(record.spawn_stack);
    add_dumped(out, "spawned at", spawned, "(spawn stack not known)");
    add_created_by(out, record, spawned);
    return text + "\n";
  }

  std::string end(const DumpPage& page, uint64_t names_unread) override {
    return dump_end_text(page, names_unread);
  }
};

}  // namespace

std::unique_ptr<DumpEncoder> text_dump() {
  return std::make_unique<TextDump>();
}

std::string dump_begin_text(const DumpPage& page) {
  const Dump& dump = page.dump;
  std::string text = fmt::format("{}  {}  ({}, {})  {}{}\n", pid_text(dump.pid, dump.inner_pid),
                                 shorten(dump.command, longest_command), dump.runtime,
                                 counted(dump.workers, "worker", "workers"),
                                 coroutines(dump.live()), by_activity(dump));
  if (page.filtered) {
    text += fmt::format("{} of them {}\n", page.matched, page.matched == 1 ? "matches" : "match");
  }
  return text;
}

std::string dump_end_text(const DumpPage& page, uint64_t names_unread) {
  const Dump& dump = page.dump;
  std::string text;
  const uint64_t hidden = page.matched - page.shown();
  if (hidden > 0) {
    text += fmt::format("and {}", coroutines(hidden));
    if (page.grouped) {
      text += fmt::format(" in {}", counted(page.groups_matched - page.groups.size(),
                                            "further group", "further groups"));
    }
    text += ", beyond --limit\n";
  }
  text += dump_losses_text(page, names_unread);
  return text + fmt::format("completeness {}%  ({}, read in {})\n",
                            percent(dump.completeness(), dump.losses.total() == 0),
                            coroutines(dump.live()), duration(dump.census_ns));
}

std::string dump_losses_text(const DumpPage& page, uint64_t names_unread) {
  const Dump& dump = page.dump;
  std::string text;
  const Out out(text);
  const auto note = [out](uint64_t count, const char* one, const char* many) {
    if (count > 0) fmt::format_to(out, "note  {}\n", counted(count, one, many));
  };
  note(dump.left_out, "coroutine is not in the file: filters or --limit kept it out",
       "coroutines are not in the file: filters or --limit kept them out");
  note(dump.stacks_unread, "parked stack moved while it was read, or made no sense",
       "parked stacks moved while they were read, or made no sense");
  note(dump.stacks_cut, "parked stack could not be followed to its outermost frame",
       "parked stacks could not be followed to their outermost frame");
  note(names_unread, "coroutine ended or changed before its name was read",
       "coroutines ended or changed before their names were read");
  note(dump.stacks_lost, "spawn had a stack beyond the target's depot",
       "spawns had stacks beyond the target's depot");
  note(dump.other_copies, "further copy of the runtime in this process is not looked at",
       "further copies of the runtime in this process are not looked at");
  if (dump.gone) text += "note  the process ended meanwhile: names may be missing\n";
  add_census_losses(out, dump.losses, "");
  return text;
}

}  // namespace coroscope
