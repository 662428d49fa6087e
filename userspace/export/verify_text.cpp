// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "export/text_parts.h"
#include "export/verify.h"
#include "util/text.h"

namespace coroscope {
namespace {

std::string waited(const LeftGroup& group) {
  if (group.activity != Activity::parked) return "";
  const std::string least = duration(group.shortest_wait_ns);
  const std::string most = duration(group.longest_wait_ns);
  return ", " + (least == most ? most : fmt::format("{} to {}", least, most));
}

void add_group(Out out, const LeftProcess& process, const LeftGroup& group, bool colour) {
  fmt::format_to(out, "{}  {}\n", colour ? "\x1b[1;31mLEFT\x1b[0m" : "LEFT", left_headline(group));
  add_names(out, group.named);
  add_cases(out, group.example.select_cases);
  add_stack(out, "parked at", group.parked_at.frames,
            group.activity == Activity::parked ? "(stack not read)" : "(it runs)");
  if (!group.parked_at.cut.empty()) {
    fmt::format_to(out, "  {:<12}(cut here: {})\n", "", group.parked_at.cut);
  }
  add_stack(out, "spawned at", group.spawned_at.frames, "(spawn stack not known)");
  fmt::format_to(out, "  {:<12}coroutine {} of {}\n\n", "for example", group.example_id,
                 pid_text(process.pid, process.inner_pid));
}

void add_process(Out out, const LeftProcess& process, bool at_marker) {
  fmt::format_to(out, "{}  {}  ({})  {} {}: {} left", pid_text(process.pid, process.inner_pid),
                 shorten(process.command, longest_command), process.runtime,
                 counted(process.live, "coroutine", "coroutines"),
                 at_marker ? "at the marker" : "at its end", process.left());
  const auto add = [out](uint64_t count, const char* what) {
    if (count > 0) fmt::format_to(out, ", {} {}", count, what);
  };
  add(process.before, "there before");
  add(process.ignored, "ignored");
  add(process.may_be_ending, "running or about to: not judged");
  fmt::format_to(out, "\n");
  const auto note = [out](uint64_t count, const char* one, const char* many) {
    if (count > 0) fmt::format_to(out, "note  {}\n", counted(count, one, many));
  };
  note(process.stacks_unread, "parked stack made no sense, or moved while it was read",
       "parked stacks made no sense, or moved while they were read");
  note(process.other_copies, "further copy of the runtime in this process is not looked at",
       "further copies of the runtime in this process are not looked at");
  add_census_losses(out, process.losses, "");
  if (process.losses.total() > 0) {
    fmt::format_to(out, "completeness {}%\n", percent(process.completeness, false));
  }
}

void add_end(Out out, const VerifyReport& report) {
  add_ignored(out, report.ignored);
  for (const std::string& why : report.unread) fmt::format_to(out, "lost  {}\n", why);
  const auto note = [out](uint64_t count, const char* one, const char* many) {
    if (count > 0) fmt::format_to(out, "note  {}\n", counted(count, one, many));
  };
  note(report.failed, "process with coroutines failed by itself: not judged",
       "processes with coroutines failed by themselves: not judged");
  note(report.running, "process lived on after the command: not judged, it runs on",
       "processes lived on after the command: not judged, they run on");
  const uint64_t left = report.left();
  const std::string of = fmt::format(
      "{} with coroutines, of {}",
      counted(report.processes.size() + report.failed, "process", "processes"), report.seen);
  if (left == 0 && report.processes.empty()) {
    fmt::format_to(out, "nothing to judge: {}\n", of);
  } else if (left == 0) {
    fmt::format_to(out, "no coroutine is left  ({})\n", of);
  } else {
    fmt::format_to(out, "{} left  ({})\n", counted(left, "coroutine is", "coroutines are"), of);
  }
  if (!report.command_end.empty()) {
    fmt::format_to(out, "the command failed by itself: {}\n", report.command_end);
  }
}

}  // namespace

std::string left_headline(const LeftGroup& group) {
  return fmt::format("{} [{}{}{}], oldest born {} before",
                     counted(group.count, "coroutine", "coroutines"), group.wait,
                     group.example.cause.empty() ? "" : ", " + group.example.cause, waited(group),
                     duration(group.oldest_age_ns));
}

std::string verify_text(const VerifyReport& report, bool colour) {
  std::string text;
  const Out out(text);
  for (const LeftProcess& process : report.processes) {
    for (const LeftGroup& group : process.groups) add_group(out, process, group, colour);
  }
  for (const LeftProcess& process : report.processes) add_process(out, process, report.at_marker);
  add_end(out, report);
  return text;
}

}  // namespace coroscope
