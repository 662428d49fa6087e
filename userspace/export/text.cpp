// SPDX-License-Identifier: Apache-2.0
#include "export/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "export/text_parts.h"
#include "util/text.h"

namespace coroscope {
namespace {

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

// Of whom: all who were there, or, where members turn over, those who stayed.
std::string who_left(const ReportedFinding& finding) {
  if (finding.growth.stayed_censuses <= settled_censuses[0]) {
    return fmt::format("{} of {} left while watched", finding.left, finding.joined);
  }
  return fmt::format("{} of {} who stayed for {} looks left", finding.growth.stayed_left,
                     finding.growth.stayed, finding.growth.stayed_censuses);
}

std::string what_waits(const ReportedFinding& finding) {
  if (finding.several_places) return "waits in several places";
  return finding.cause.empty() ? finding.reason
                               : fmt::format("{}, {}", finding.reason, finding.cause);
}

// A population that grew, but not as a leak does.
void add_other(Out out, const ReportedFinding& finding) {
  const char* why = finding.growth.verdict == Verdict::backlog
                        ? "its members leave again: load or a backlog, as far as can be seen"
                    : finding.growth.verdict == Verdict::plateau
                        ? "not all the time: a ramp, a burst or a pool, as far as can be seen"
                        : "not watched for long enough to judge";
  std::string where = "an unknown place";
  const auto frames = shown(finding.parked_at.empty() ? finding.spawned_at : finding.parked_at);
  if (!frames.empty()) where = fmt::format("{} {}", frames[0]->function, location(*frames[0]));
  fmt::format_to(out, "grew  {}   {} -> {} live at {}: {}\n", what_waits(finding),
                 finding.growth.first_live, finding.growth.last_live, where, why);
}

void add_headline(Out out, const TargetReport& report) {
  const GrowthRules rules;
  if (report.has_fault()) return;
  if (!report.judged) {
    fmt::format_to(out,
                   "not judged: {} looks in {}; a verdict needs {} looks, and {} after the third\n",
                   report.censuses, duration(report.watched_ns),
                   rules.min_censuses + settled_censuses[0] - 1, duration(rules.min_judged_ns));
    return;
  }
  fmt::format_to(out,
                 "no leak found: no population grew all the time, by {} or more  ({} live in {} "
                 "populations)\n",
                 rules.min_growth, report.account.live, report.populations);
}

void add_losses(Out out, const TargetReport& report) {
  const Losses& losses = report.account.losses;
  add_census_losses(out, losses.census, ", at the attach");
  add_census_losses(out, losses.latest, ", in the last census");
  add_named(out,
            {{losses.window_full, "events during the attach found the window full"},
             {losses.bad_arguments, "events had unreadable arguments"},
             {losses.missed_runs, "events were skipped by the kernel"},
             {losses.unaccounted, "coroutines do not fit the events (an audit found them)"},
             {losses.unaccounted_parks, "waits do not fit the events (an audit found them)"},
             {losses.stack_unmapped, "events had stacks beyond the map: counted, not attributed"},
             {losses.stacks_lost, "spawns had stacks beyond the target's depot"},
             {losses.members_dropped, "coroutines were beyond the bound on populations"}},
            "");
}

void add_completeness(Out out, const TargetReport& report) {
  const Account& account = report.account;
  const bool whole = account.losses.total() == 0;
  fmt::format_to(out,
                 "completeness {}%  ({} coroutines were alive before attach{}; {} born and {} "
                 "ended since)\n",
                 percent(account.completeness(), whole), account.baseline,
                 whole ? "; all are counted" : "", account.spawned, account.exited);
}

void add_target(Out out, const TargetReport& report, const TextOptions& options) {
  fmt::format_to(out, "{}  {}  ({}, {} worker{})  watched {}{}\n\n",
                 pid_text(report.pid, report.inner_pid), shorten(report.command, longest_command),
                 report.runtime, report.workers, report.workers == 1 ? "" : "s",
                 duration(report.watched_ns), report.gone ? ", until it ended" : "");
  for (const ReportedFinding& finding : report.findings) {
    if (finding.growth.verdict == Verdict::leak) {
      fmt::format_to(out, "{}\n", leak_text(finding, options));
    }
  }
  add_headline(out, report);
  for (const ReportedFinding& finding : report.findings) {
    if (finding.growth.verdict != Verdict::leak) add_other(out, finding);
  }
  add_ignored(out, report.ignored);
  for (const std::string& remark : report.remarks) fmt::format_to(out, "note  {}\n", remark);
  add_losses(out, report);
  add_completeness(out, report);
}

}  // namespace

std::string leak_text(const ReportedFinding& finding, const TextOptions& options) {
  std::string text;
  const Out out(text);
  fmt::format_to(out, "{}  {}   +{:.1f}/s, oldest born {}   {} live, {}",
                 options.colour ? "\x1b[1;31mLEAK\x1b[0m" : "LEAK", what_waits(finding),
                 finding.growth.per_second, time_ago(finding.oldest_age_ns), finding.live,
                 who_left(finding));
  if (finding.oldest_wait_ns > 0) {
    fmt::format_to(out, "   oldest wait {}", duration(finding.oldest_wait_ns));
  }
  text += '\n';
  add_names(out, finding.named);
  add_cases(out, finding.select_cases);
  add_stack(out, finding.several_places ? "mostly at" : "parked at", finding.parked_at,
            finding.several_places ? "several places" : "(stack not read)");
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
