// SPDX-License-Identifier: Apache-2.0
#include "cli/watch_output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "export/json.h"
#include "export/text.h"
#include "util/duration.h"
#include "util/log.h"

namespace coroscope {
namespace {

// What makes a leak the same one at the next tick.
std::string identity(pid_t pid, const ReportedFinding& finding) {
  std::string text = fmt::format("{} {} {} {}", pid, verdict_name(finding.judgement.verdict),
                                 finding.spawn_stack_id, finding.reason);
  if (finding.label) text += finding.label->text();
  for (const ReportedFrame& frame : finding.parked_at) text += fmt::format(" {:x}", frame.address);
  return text;
}

}  // namespace

WatchOutput::WatchOutput(bool json, bool live, const ReportRules& rules)
    : json_(json), live_(live), rules_(rules), colour_(want_colour(STDOUT_FILENO)) {}

void WatchOutput::print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    wanted_ = false;
  }
}

void WatchOutput::attached(const Observation& observation, uint64_t took_ns) {
  const Account& account = observation.last_account();
  if (json_) {
    AttachedRecord record;
    record.pid = observation.process().pid();
    record.inner_pid = observation.process().inner_pid();
    record.command = observation.process().command_line();
    record.runtime = observation.target().runtime();
    record.workers = observation.target().workers();
    record.attach_s = static_cast<double>(took_ns) / 1e9;
    record.account = account;
    print(attached_json(record));
    return;
  }
  if (account.mode == ProbeMode::census) {
    fmt::print(stderr, "looking at {} without probes: {} coroutines are alive\n",
               observation.process().describe(), account.live);
    return;
  }
  fmt::print(stderr, "attached to {} in {}: {} coroutines were alive before\n",
             observation.process().describe(), format_ns(took_ns), account.baseline);
}

void WatchOutput::sample(Observation& observation, uint64_t elapsed_ns) {
  if (json_) {
    SampleRecord record;
    record.pid = observation.process().pid();
    record.inner_pid = observation.process().inner_pid();
    record.elapsed_s = static_cast<double>(elapsed_ns) / 1e9;
    record.account = observation.last_account();
    record.schedulers = observation.target().schedulers();
    print(sample_json(record));
  } else if (live_) {
    tell_what_is_new(observation);
  }
}

void WatchOutput::tell_what_is_new(Observation& observation) {
  const TargetReport report = observation.report(rules_);
  for (const ReportedFinding& finding : report.findings) {
    if (!is_fault(finding.judgement.verdict) && !may_become_fault(finding.judgement)) continue;
    if (!told_.insert(identity(report.pid, finding)).second) continue;
    print(finding_text(finding, {.colour = colour_}) + "\n");
  }
}

void WatchOutput::gone(const Error& error) {
  fmt::print(stderr, "{}\n", error.message);
}

void WatchOutput::report(const std::vector<TargetReport>& reports, int exit_code) {
  print(json_ ? report_json(reports, exit_code) : report_text(reports, {.colour = colour_}));
}

}  // namespace coroscope
