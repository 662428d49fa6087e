// SPDX-License-Identifier: Apache-2.0
#include "export/text_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "util/duration.h"
#include "util/text.h"

namespace coroscope {
namespace {

// "order-worker" if all have it, else "order-worker (240)".
std::string shared_by(const std::string& what, uint64_t members, uint64_t asked) {
  return members == asked ? what : fmt::format("{} ({})", what, members);
}

}  // namespace

std::string pid_text(pid_t pid, pid_t inner_pid) {
  std::string text = fmt::format("pid {}", pid);
  if (inner_pid != 0) text += fmt::format(" (inner {})", inner_pid);
  return text;
}

std::string duration(uint64_t ns) {
  return format_ns(ns);
}

std::string location(const ReportedFrame& frame) {
  if (frame.file.empty()) return {};
  const size_t slash = frame.file.find_last_of('/');
  const std::string name = slash == std::string::npos ? frame.file : frame.file.substr(slash + 1);
  return frame.line == 0 ? name : fmt::format("{}:{}", name, frame.line);
}

std::vector<const ReportedFrame*> shown(const ReportedStack& stack) {
  std::vector<const ReportedFrame*> frames;
  for (const ReportedFrame& frame : stack) {
    if (frame.of_program()) frames.push_back(&frame);
  }
  if (frames.empty()) {
    for (const ReportedFrame& frame : stack) frames.push_back(&frame);
  }
  return frames;
}

void add_stack(Out out, const char* title, const ReportedStack& stack, const char* otherwise) {
  const auto frames = shown(stack);
  if (frames.empty()) fmt::format_to(out, "  {:<12}{}\n", title, otherwise);
  size_t width = 0;
  for (const ReportedFrame* frame : frames) width = std::max(width, frame->function.size());
  width = std::min<size_t>(width, 60);
  for (const ReportedFrame* frame : frames) {
    const std::string where = location(*frame);
    if (where.empty()) {
      fmt::format_to(out, "  {:<12}{}\n", title, frame->function);
    } else {
      fmt::format_to(out, "  {:<12}{:<{}}  {}\n", title, frame->function, width, where);
    }
    title = "";
  }
}

void add_names(Out out, const ReportedNames& named) {
  constexpr size_t most = 3;
  std::string names;
  std::string labels;
  for (size_t i = 0; i < std::min(most, named.names.size()); ++i) {
    const ReportedNames::Name& name = named.names[i];
    names += (i == 0 ? "" : ", ") + shared_by(name.name, name.members, named.asked);
  }
  size_t told = 0;
  for (const ReportedNames::Label& label : named.labels) {
    // What is another one for each member says nothing about all of them.
    if (2 * label.members < named.asked || told == most) continue;
    labels += (told++ == 0 ? "" : ", ") +
              shared_by(label.key + "=" + label.value, label.members, named.asked);
  }
  const bool of_all = !named.names.empty() && named.names[0].members == named.asked;
  const std::string asked = of_all ? "" : fmt::format("  of {} asked", named.asked);
  if (!names.empty()) fmt::format_to(out, "  {:<12}{}{}\n", "named", names, asked);
  if (!labels.empty()) fmt::format_to(out, "  {:<12}{}\n", "labelled", labels);
}

void add_lines(Out out, const char* title, const std::vector<std::string>& lines) {
  constexpr size_t most = 8;
  for (size_t i = 0; i < std::min(most, lines.size()); ++i) {
    fmt::format_to(out, "  {:<12}{}\n", i == 0 ? title : "", lines[i]);
  }
  if (lines.size() > most) fmt::format_to(out, "  {:<12}and {} more\n", "", lines.size() - most);
}

void add_cases(Out out, const std::vector<std::string>& cases) {
  add_lines(out, "waits for", cases);
}

void add_ignored(Out out, const std::vector<IgnoredRow>& rows) {
  for (const IgnoredRow& row : rows) {
    const std::string why = row.reason.empty() ? "" : fmt::format("  ({})", row.reason);
    if (row.expired) {
      fmt::format_to(out, "expired  {}: {}, on {}{}\n", row.source, row.asks, row.expires, why);
    } else if (row.findings > 0) {
      fmt::format_to(out, "ignored  {} in {} by {}: {}{}\n",
                     counted(row.coroutines, "coroutine", "coroutines"),
                     counted(row.findings, "finding", "findings"), row.source, row.asks, why);
    }
  }
}

const char* why_no_fault(const Judgement& judgement) {
  switch (judgement.verdict) {
    case Verdict::backlog:
      return "its members leave, but more come: load that is not kept up with";
    case Verdict::plateau:
      return "it grew, and does not any more: a start-up, a burst, a pool or a cache";
    case Verdict::warming_up:
      return "it grows, for too short a time to tell";
    case Verdict::steady:
      return "it does not grow";
    default:
      return "";
  }
}

void add_named(Out out, std::initializer_list<NamedLoss> losses, const char* when) {
  for (const NamedLoss& loss : losses) {
    if (loss.count > 0) fmt::format_to(out, "lost  {} {}{}\n", loss.count, loss.what, when);
  }
}

void add_census_losses(Out out, const CensusLosses& losses, const char* when) {
  add_named(out,
            {{losses.torn, "coroutines changed during every read of them"},
             {losses.unsettled, "coroutines stayed between two states"},
             {losses.unreadable, "table slots could not be read"},
             {losses.malformed, "table slots or slabs made no sense"},
             {losses.over_limit, "table slots were beyond the bounds of a census"}},
            when);
}

std::string percent(double completeness, bool whole) {
  return whole ? "100" : fmt::format("{:.2f}", std::min(100.0 * completeness, 99.99));
}

}  // namespace coroscope
