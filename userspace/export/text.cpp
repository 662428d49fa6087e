// SPDX-License-Identifier: Apache-2.0
#include "export/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <ctime>

#include "detect/withheld.h"
#include "export/text_parts.h"
#include "util/duration.h"
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

std::string who_left(const ReportedFinding& finding) {
  return fmt::format("{} of {} left while watched", finding.left, finding.joined);
}

std::string what_waits(const ReportedFinding& finding) {
  std::string text = finding.several_places ? "waits in several places" : finding.reason;
  if (finding.several_births) text += ", born in several places";
  if (!finding.cause.empty() && !finding.several_places) text += ", " + finding.cause;
  if (!finding.label) return text;
  return fmt::format("{}, {}{}", text, finding.several_labels ? "mostly " : "",
                     finding.label->text());
}

bool in_full(const ReportedFinding& finding) {
  return is_fault(finding.judgement.verdict) || may_become_fault(finding.judgement);
}

std::string tag_of(const ReportedFinding& finding, bool colour) {
  const bool fault = is_fault(finding.judgement.verdict) && !finding.withheld;
  std::string tag = is_fault(finding.judgement.verdict)
                        ? std::string(verdict_name(finding.judgement.verdict))
                        : "grows";
  for (char& letter : tag) letter = static_cast<char>(std::toupper(letter));
  if (finding.withheld) tag = fmt::format("WITHHELD ({})", tag);
  return colour ? fmt::format("\x1b[1;{}m{}\x1b[0m", fault ? 31 : 33, tag) : tag;
}

// A population that is no fault.
void add_other(Out out, const ReportedFinding& finding) {
  std::string where = "an unknown place";
  const auto frames = shown(finding.parked_at.empty() ? finding.spawned_at : finding.parked_at);
  if (!frames.empty()) where = fmt::format("{} {}", frames[0]->function, location(*frames[0]));
  const Judgement& judgement = finding.judgement;
  fmt::format_to(out, "{:<10}  {}   {} -> {} live at {}: {}\n", verdict_name(judgement.verdict),
                 what_waits(finding), judgement.first_live, finding.live, where,
                 why_no_fault(judgement));
}

void add_headline(Out out, const TargetReport& report) {
  if (report.withheld()) {
    fmt::format_to(out,
                   "verdicts are withheld: the account is {}% complete, and they need {:g}% (see "
                   "--completeness): {}\n",
                   percent(report.account.completeness(), false), 100 * report.floor,
                   what_would_help(report.account.losses));
    return;
  }
  if (report.has_fault()) return;
  if (!report.judged) {
    fmt::format_to(out, "not judged: {} looks in {}; a verdict needs {} looks, and 5.0 s\n",
                   report.censuses, duration(report.watched_ns), least_looks);
    return;
  }
  fmt::format_to(out, "no leak found  ({} live in {} populations)\n", report.account.live,
                 report.populations);
}

void add_losses(Out out, const TargetReport& report) {
  const Losses& losses = report.account.losses;
  add_census_losses(out, losses.census, ", at the attach");
  add_census_losses(out, losses.latest, ", in the last census");
  add_named(out,
            {{losses.window_full, "events during the attach found the window full"},
             {losses.bad_arguments, "events had unreadable arguments"},
             {losses.missed_runs, "events were skipped by the kernel"},
             {losses.events_unread, "events could not be read from the target's memory"},
             {losses.events_missed, "events did not come, or found no room"},
             {losses.events_skipped, "events happened while a census made good what was lost"},
             {losses.rings_unread, "workers' latest events could not be read"},
             {losses.unaccounted, "coroutines do not fit the events (an audit found them)"},
             {losses.unaccounted_parks, "waits do not fit the events (an audit found them)"},
             {losses.stack_unmapped, "events had stacks beyond the map: counted, not attributed"},
             {losses.stacks_lost, "spawns had stacks beyond the target's depot"},
             {losses.members_dropped, "coroutines were beyond the bound on populations"}},
            "");
}

// "71%" of the whole.
std::string share(uint64_t part, uint64_t whole) {
  return fmt::format("{:.0f}%",
                     whole > 0 ? 100 * static_cast<double>(part) / static_cast<double>(whole) : 0);
}

void add_places(Out out, const ReportedWaits& waits) {
  fmt::format_to(out, "waited    {} in all, in {} waits that ended\n", duration(waits.parked_ns),
                 waits.ended);
  for (const ReportedWaits::Place& place : waits.places) {
    const auto frames = shown(place.at);
    const std::string where = frames.empty()
                                  ? "an unknown place"
                                  : fmt::format("{} {}", frames[0]->function, location(*frames[0]));
    const std::string from =
        frames.size() > 1 ? fmt::format(", from {}", frames[1]->function) : std::string();
    fmt::format_to(out, "{:>8}  {:>4}  {} waits of {} at {}{}\n", duration(place.parked_ns),
                   share(place.parked_ns, waits.parked_ns), place.ended,
                   format_ns(place.parked_ns / place.ended), where, from);
  }
  if (waits.other_places > 0) {
    fmt::format_to(out, "          and {} more places\n", waits.other_places);
  }
}

void add_waits(Out out, const ReportedWaits& waits) {
  if (!waits.asked) return;
  if (waits.ended > 0) {
    add_places(out, waits);
  } else if (waits.unplaced > 0) {
    fmt::format_to(out, "waited\n");
  } else {
    fmt::format_to(out, "waited    nobody was woken while it was watched\n");
  }
  if (waits.unplaced > 0) {
    fmt::format_to(out, "{:>8}        {} further waits, of which no place was told\n",
                   duration(waits.unplaced_ns), waits.unplaced);
  }
}

// How what was counted was counted, if that is not the best there is.
std::string how(const Account& account) {
  std::string text;
  if (account.mode != ProbeMode::full) text = fmt::format("; probes: {}", name_of(account.mode));
  if (account.sample > 1) text += fmt::format("; waits of 1 coroutine in {}", account.sample);
  return text;
}

void add_completeness(Out out, const TargetReport& report) {
  const Account& account = report.account;
  const bool whole = account.losses.total() == 0;
  if (account.mode == ProbeMode::census) {
    fmt::format_to(
        out, "completeness {}%  (by looks alone, without probes: {} were alive at the last)\n",
        percent(account.completeness(), whole), account.live);
    return;
  }
  fmt::format_to(out,
                 "completeness {}%  ({} coroutines were alive before attach{}; {} born and {} "
                 "ended since{})\n",
                 percent(account.completeness(), whole), std::max<int64_t>(account.baseline, 0),
                 whole ? "; all are counted" : "", account.spawned, account.exited, how(account));
}

void add_target(Out out, const TargetReport& report, const TextOptions& options) {
  fmt::format_to(out, "{}  {}  ({}, {} worker{})  watched {}{}\n\n",
                 pid_text(report.pid, report.inner_pid), shorten(report.command, longest_command),
                 report.runtime, report.workers, report.workers == 1 ? "" : "s",
                 duration(report.watched_ns), report.gone ? ", until it ended" : "");
  for (const ReportedFinding& finding : report.findings) {
    if (in_full(finding)) fmt::format_to(out, "{}\n", finding_text(finding, options));
  }
  add_headline(out, report);
  for (const ReportedFinding& finding : report.findings) {
    if (!in_full(finding)) add_other(out, finding);
  }
  add_waits(out, report.waits);
  add_ignored(out, report.ignored);
  for (const std::string& remark : report.remarks) fmt::format_to(out, "note  {}\n", remark);
  add_losses(out, report);
  add_completeness(out, report);
}

const char* where_of(const ReportedFinding& finding) {
  if (finding.several_places) return "mostly at";
  if (finding.judgement.verdict == Verdict::busy) return "runs at";
  return finding.judgement.verdict == Verdict::starved ? "goes on at" : "parked at";
}

const char* no_place_of(const ReportedFinding& finding) {
  if (finding.several_places) return "several places";
  return finding.judgement.verdict == Verdict::busy ? "(not known)" : "(stack not read)";
}

}  // namespace

std::string finding_text(const ReportedFinding& finding, const TextOptions& options) {
  std::string text;
  const Out out(text);
  fmt::format_to(out, "{}  {}   {:+.1f}/s, oldest born {}   {} live, {}",
                 tag_of(finding, options.colour), what_waits(finding), finding.judgement.per_second,
                 time_ago(finding.oldest_age_ns), finding.live, who_left(finding));
  if (finding.oldest_wait_ns > 0) {
    fmt::format_to(out, "   oldest wait {}", duration(finding.oldest_wait_ns));
  }
  text += '\n';
  std::vector<std::string> because = finding.because;
  if (const std::string grounds = format(finding.judgement); !grounds.empty()) {
    because.insert(because.begin(), grounds);
  }
  add_lines(out, "because", because);
  if (finding.projection) fmt::format_to(out, "  projected   {}\n", format(*finding.projection));
  add_names(out, finding.named);
  add_cases(out, finding.select_cases);
  add_lines(out, "waits for", finding.chain);
  add_stack(out, where_of(finding), finding.parked_at, no_place_of(finding));
  add_stack(out, finding.several_births ? "mostly from" : "spawned at", finding.spawned_at,
            "(spawn stack not known)");
  if (!finding.fix.empty()) add_lines(out, "usual fix", {finding.fix});
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
