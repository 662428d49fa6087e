// SPDX-License-Identifier: Apache-2.0
#include "daemon/lifecycle.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "export/json_parts.h"

namespace coroscope::daemon {
namespace {

std::string_view name_of(VerdictEvent::Is is) {
  switch (is) {
    case VerdictEvent::Is::opened:
      return "verdict_opened";
    case VerdictEvent::Is::updated:
      return "verdict_updated";
    case VerdictEvent::Is::closed:
      break;
  }
  return "verdict_closed";
}

Json begin_line(std::string_view event, uint64_t unix_ns) {
  return {{"type", "event"}, {"time", utc(unix_ns)}, {"event", event}};
}

void add_process(Json& json, const ProcessView& process) {
  json["pid"] = process.pid;
  add_inner_pid(json, process.inner_pid);
  json["service"] = process.service.name;
  json["service_id"] = process.service.id;
  json["command"] = process.facts.command_line;
  json["user"] = process.facts.user;
  json["cgroup"] = process.facts.cgroup;
  if (!process.facts.container.empty()) json["container"] = process.facts.container;
  if (!process.build_id.empty()) json["build_id"] = process.build_id;
}

}  // namespace

std::string fault_id(const ReportedFinding& finding) {
  std::string text = finding.reason + '\n';
  if (!finding.several_places) text += stack_id(finding.parked_at);
  text += '\n';
  if (!finding.several_births) text += stack_id(finding.spawned_at);
  if (finding.label && !finding.several_labels) text += '\n' + finding.label->text();
  return short_id(text);
}

std::vector<VerdictEvent> FaultBook::take(const TargetReport& report, uint64_t now_unix_ns) {
  std::vector<VerdictEvent> events;
  if (report.withheld()) return events;
  for (const ReportedFinding& finding : report.findings) {
    if (!is_fault(finding.judgement.verdict)) continue;
    const std::string id = fault_id(finding);
    auto [found, added] = open_.try_emplace(id);
    Open& open = found->second;
    const bool changed = !added && (open.last.verdict != finding.judgement.verdict ||
                                    finding.live >= 2 * open.told_live);
    const uint64_t opened = added ? now_unix_ns : open.last.opened_unix_ns;
    open.last = {added ? VerdictEvent::Is::opened : VerdictEvent::Is::updated, id,
                 finding.judgement.verdict, finding, opened};
    open.seen_unix_ns = now_unix_ns;
    if (!added && !changed) continue;
    open.told_live = finding.live;
    events.push_back(open.last);
  }
  for (auto at = open_.begin(); at != open_.end();) {
    Open& open = at->second;
    // The clock on the wall may have gone back.
    open.seen_unix_ns = std::min(open.seen_unix_ns, now_unix_ns);
    if (now_unix_ns - open.seen_unix_ns < closed_after_ns) {
      ++at;
      continue;
    }
    open.last.is = VerdictEvent::Is::closed;
    events.push_back(open.last);
    at = open_.erase(at);
  }
  return events;
}

std::vector<VerdictEvent> FaultBook::close_all() {
  std::vector<VerdictEvent> events;
  for (auto& [id, open] : open_) {
    open.last.is = VerdictEvent::Is::closed;
    events.push_back(open.last);
  }
  open_.clear();
  return events;
}

std::string serving_line(const std::string& address, uint64_t unix_ns) {
  Json json = begin_line("serving", unix_ns);
  json["address"] = address;
  return line(json);
}

std::string another_line(pid_t pid, uint64_t unix_ns) {
  Json json = begin_line("another_daemon", unix_ns);
  if (pid != 0) json["pid"] = pid;
  return line(json);
}

std::string config_line(const std::string& wrong, uint64_t unix_ns) {
  Json json = begin_line(wrong.empty() ? "config_read" : "config_refused", unix_ns);
  if (!wrong.empty()) json["why"] = wrong;
  return line(json);
}

std::string attached_line(const ProcessView& process, uint64_t unix_ns) {
  Json json = begin_line("attached", unix_ns);
  add_process(json, process);
  json["probes"] = coroscope::name_of(process.report.account.mode);
  json["live"] = process.report.account.live;
  return line(json);
}

std::string detached_line(const ProcessView& process, const std::string& why, uint64_t unix_ns) {
  Json json = begin_line("detached", unix_ns);
  add_process(json, process);
  json["why"] = why;
  json["live"] = process.report.account.live;
  json["spawned"] = process.report.account.spawned;
  json["exited"] = process.report.account.exited;
  json["completeness"] = process.report.account.completeness();
  return line(json);
}

std::string lost_line(const Unwatched& process, uint64_t unix_ns) {
  Json json = begin_line("lost", unix_ns);
  json["pid"] = process.pid;
  json["command"] = process.command;
  json["why"] = process.why;
  return line(json);
}

std::string verdict_line(const ProcessView& process, const VerdictEvent& event, uint64_t unix_ns) {
  Json json = begin_line(name_of(event.is), unix_ns);
  add_process(json, process);
  const ReportedFinding& finding = event.finding;
  json["fault"] = event.id;
  json["verdict"] = verdict_name(event.verdict);
  json["opened"] = utc(event.opened_unix_ns);
  json["reason"] = finding.reason;
  if (!finding.cause.empty()) json["cause"] = finding.cause;
  if (!finding.fix.empty()) json["fix"] = finding.fix;
  json["live"] = finding.live;
  json["per_second"] = finding.judgement.per_second;
  json["oldest_wait_s"] = seconds(finding.oldest_wait_ns);
  json["parked_at"] = stack_json(finding.parked_at);
  json["spawned_at"] = stack_json(finding.spawned_at);
  json["completeness"] = process.report.account.completeness();
  return line(json);
}

Result<EventLog> EventLog::open(const std::string& where) {
  EventLog log;
  if (where.empty()) return log;
  if (where == "-") {
    log.to_ = STDOUT_FILENO;
    return log;
  }
  if (where == "journald") {
    auto journal = Journal::open();
    if (!journal) return journal.error();
    log.journal_ = std::move(*journal);
    return log;
  }
  log.file_ =
      Fd(::open(where.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640));
  if (!log.file_) {
    return Error{ErrorKind::usage,
                 fmt::format("cannot write events to {}: {}", where, std::strerror(errno))};
  }
  log.to_ = log.file_.get();
  return log;
}

// One write, so that lines of several writers do not mix; never waited for.
void EventLog::write(const std::string& text) {
  if (journal_ && !journal_->send(text)) ++lost_;
  if (to_ < 0) return;
  if (::write(to_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) ++lost_;
}

}  // namespace coroscope::daemon
