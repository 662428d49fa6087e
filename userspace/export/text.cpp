// SPDX-License-Identifier: Apache-2.0
#include "export/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iterator>

#include "util/duration.h"
#include "util/text.h"

namespace coroscope {
namespace {

using Out = std::back_insert_iterator<std::string>;

std::string duration(uint64_t ns) {
  return format_duration(std::chrono::nanoseconds(ns));
}

// Of a command line, which may have 64 KiB.
constexpr size_t longest_command = 200;

// Wall clock time so many nanoseconds ago, as "14:03:27", with the date if it
// was not today.
std::string time_ago(uint64_t ns) {
  const std::time_t now = std::time(nullptr);
  const std::time_t then = now - static_cast<std::time_t>(ns / 1'000'000'000);
  std::tm now_parts{};
  std::tm parts{};
  localtime_r(&now, &now_parts);
  localtime_r(&then, &parts);
  const bool today = parts.tm_yday == now_parts.tm_yday && parts.tm_year == now_parts.tm_year;
  char text[32];
  std::strftime(text, sizeof text, today ? "%H:%M:%S" : "%F %H:%M:%S", &parts);
  return text;
}

std::string location(const ReportedFrame& frame) {
  if (frame.file.empty()) return {};
  const size_t slash = frame.file.find_last_of('/');
  const std::string name = slash == std::string::npos ? frame.file : frame.file.substr(slash + 1);
  return frame.line == 0 ? name : fmt::format("{}:{}", name, frame.line);
}

// The frames of the program; all of them if there is nothing else.
std::vector<const ReportedFrame*> shown(const ReportedStack& stack) {
  std::vector<const ReportedFrame*> frames;
  for (const ReportedFrame& frame : stack) {
    if (!frame.runtime) frames.push_back(&frame);
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

std::string what_waits(const ReportedFinding& finding) {
  if (finding.reason.empty()) return "waits in several places";
  return finding.cause.empty() ? finding.reason
                               : fmt::format("{}, {}", finding.reason, finding.cause);
}

// A population that grew, but for a reason that is not called a leak.
void add_other(Out out, const ReportedFinding& finding) {
  const char* why = finding.growth.verdict == Verdict::turnover
                        ? "its members leave again: load, not a leak"
                    : finding.growth.verdict == Verdict::levelled
                        ? "grew and stopped, or slowed down: a ramp or a pool, not a leak"
                        : "too short to tell: watch for 5 s and 8 censuses at least";
  std::string where = "an unknown place";
  const auto frames = shown(finding.parked_at.empty() ? finding.spawned_at : finding.parked_at);
  if (!frames.empty()) where = fmt::format("{} {}", frames[0]->function, location(*frames[0]));
  fmt::format_to(out, "grew  {}   {} -> {} live at {}: {}\n", what_waits(finding),
                 finding.growth.first_live, finding.growth.last_live, where, why);
}

struct NamedLoss {
  uint64_t count;
  const char* what;
};

void add_losses(Out out, const TargetReport& report) {
  const Losses& losses = report.account.losses;
  const NamedLoss named[] = {
      {losses.census.torn, "coroutines changed during every read of them"},
      {losses.census.unsettled, "coroutines stayed between two states"},
      {losses.census.unreadable, "table slots could not be read"},
      {losses.census.malformed, "table slots or slabs made no sense"},
      {losses.census.over_limit, "table slots were beyond the bound of a census"},
      {losses.window_full, "events during the attach found the window full"},
      {losses.bad_arguments, "events had unreadable arguments"},
      {losses.missed_runs, "events were skipped by the kernel"},
      {losses.unaccounted, "coroutines do not fit the events (an audit found them)"},
      {losses.stack_unmapped, "events had stacks beyond the map: counted, not attributed"},
      {losses.stacks_lost, "spawns had stacks beyond the target's depot"},
      {report.stacks_unread, "parked stacks could not be read in the last census"},
      {report.stacks_cut, "parked stacks could not be followed to their outermost frame"},
      {report.members_dropped, "coroutines were beyond the bound on populations"},
  };
  for (const NamedLoss& loss : named) {
    if (loss.count > 0) fmt::format_to(out, "lost  {} {}\n", loss.count, loss.what);
  }
}

void add_completeness(Out out, const TargetReport& report) {
  const Account& account = report.account;
  // Never rounded up to 100%.
  const double percent = std::min(100.0 * account.completeness(), 100.0);
  const bool whole = account.losses.total() == 0;
  fmt::format_to(out,
                 "completeness {}%  ({} coroutines were alive before attach{}; {} born and {} "
                 "ended since)\n",
                 whole ? "100" : fmt::format("{:.2f}", std::min(percent, 99.99)), account.baseline,
                 whole ? "; all are counted" : "", account.spawned, account.exited);
}

void add_target(Out out, const TargetReport& report, const TextOptions& options) {
  fmt::format_to(out, "pid {}  {}  ({}, {} worker{})  watched {}{}\n\n", report.pid,
                 shorten(report.command, longest_command), report.runtime, report.workers,
                 report.workers == 1 ? "" : "s", duration(report.watched_ns),
                 report.gone ? ", until it ended" : "");
  for (const ReportedFinding& finding : report.findings) {
    if (finding.growth.verdict == Verdict::leak) {
      fmt::format_to(out, "{}\n", leak_text(finding, options));
    }
  }
  if (!report.has_leak()) {
    fmt::format_to(out, "no leak: no population only grows  ({} live in {} populations)\n",
                   report.account.live, report.populations);
  }
  for (const ReportedFinding& finding : report.findings) {
    if (finding.growth.verdict != Verdict::leak) add_other(out, finding);
  }
  for (const std::string& remark : report.remarks) fmt::format_to(out, "note  {}\n", remark);
  add_losses(out, report);
  add_completeness(out, report);
}

}  // namespace

std::string leak_text(const ReportedFinding& finding, const TextOptions& options) {
  std::string text;
  const Out out(text);
  fmt::format_to(out, "{}  {}   +{:.1f}/s, oldest born {}   {} live, {} of {} ever left",
                 options.colour ? "\x1b[1;31mLEAK\x1b[0m" : "LEAK", what_waits(finding),
                 finding.growth.per_second, time_ago(finding.oldest_age_ns), finding.live,
                 finding.left, finding.joined);
  if (finding.oldest_wait_ns > 0) {
    fmt::format_to(out, "   oldest wait {}", duration(finding.oldest_wait_ns));
  }
  text += '\n';
  add_stack(out, "parked at", finding.parked_at,
            finding.reason.empty() ? "several places" : "(stack not read)");
  add_stack(out, "spawned at", finding.spawned_at, "(spawn stack not known)");
  return text;
}

std::string report_text(const std::vector<TargetReport>& reports, const TextOptions& options) {
  std::string text;
  const Out out(text);
  for (const TargetReport& report : reports) {
    if (!text.empty()) text += '\n';
    add_target(out, report, options);
  }
  return text;
}

}  // namespace coroscope
