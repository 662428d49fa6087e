// SPDX-License-Identifier: Apache-2.0
#include "daemon/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "daemon/history_api.h"
#include "daemon/metrics.h"
#include "daemon/openmetrics.h"
#include "daemon/page.h"
#include "daemon/profile.h"
#include "export/json_parts.h"
#include "util/clock.h"

namespace coroscope::daemon {
namespace {

Response plain(int status, std::string text) {
  return {status, "text/plain; charset=utf-8", std::move(text) + "\n"};
}

Response json_response(const Json& json) {
  return {200, "application/json", line(json)};
}

std::optional<pid_t> number_of(const std::string& text) {
  pid_t pid = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, pid);
  if (error != std::errc() || rest != end || pid <= 0) return std::nullopt;
  return pid;
}

const ProcessView* find(const HostView& view, pid_t pid) {
  for (const auto& process : view.processes) {
    if (process->pid == pid) return process.get();
  }
  return nullptr;
}

Json process_json(const ProcessView& process) {
  const Account& account = process.report.account;
  Json json = {{"pid", process.pid},
               {"service", process.service.name},
               {"service_id", process.service.id},
               {"command", process.facts.command_line},
               {"user", process.facts.user},
               {"cgroup", process.facts.cgroup},
               {"container", process.facts.container},
               {"build_id", process.build_id},
               {"runtime", process.report.runtime},
               {"attached", utc(process.attached_unix_ns)},
               {"looked", utc(process.looked_unix_ns)},
               {"censuses", process.censuses},
               {"glances", process.glances}};
  add_inner_pid(json, process.inner_pid);
  json.update(account_json(account));
  json["floor"] = process.report.floor;
  json["withheld"] = process.report.withheld();
  json["judged"] = process.report.judged;
  json["losses"] = losses_json(account);
  json["faults"] =
      std::count_if(process.report.findings.begin(), process.report.findings.end(),
                    [](const ReportedFinding& one) { return is_fault(one.judgement.verdict); });
  return json;
}

Json states_json(const ProcessView& process) {
  Json states = Json::array();
  for (const StateCount& state : process.states) {
    states.push_back({{"state", activity_name(state.activity)},
                      {"reason", state.reason},
                      {"coroutines", state.coroutines}});
  }
  return states;
}

Json stack_view_json(const StackView& stack) {
  return {{"stack", stack.id},
          {"live", stack.live},
          {"baseline", stack.baseline},
          {"spawned", stack.events.spawned},
          {"exited", stack.events.exited},
          {"spawned_at", stack_json(stack.frames)}};
}

Json findings_json(const ProcessView& process, bool all) {
  Json findings = Json::array();
  for (const ReportedFinding& one : process.report.findings) {
    if (!all && !is_fault(one.judgement.verdict) && !may_become_fault(one.judgement)) continue;
    Json json = {{"pid", process.pid},
                 {"service", process.service.name},
                 {"fault", fault_id(one)},
                 {"spawn_stack", stack_id(one.spawned_at)}};
    json.update(finding_json(one));
    findings.push_back(std::move(json));
  }
  return findings;
}

Response metrics(const HostView& view, const std::string& accept) {
  std::string text = metrics_text(view);
  if (!wants_openmetrics(accept)) return {200, metrics_type, std::move(text)};
  return {200, openmetrics_type, openmetrics_of(text)};
}

Response processes(const HostView& view) {
  Json watched = Json::array(), unwatched = Json::array();
  for (const auto& process : view.processes) watched.push_back(process_json(*process));
  for (const Unwatched& one : view.unwatched) {
    unwatched.push_back({{"pid", one.pid}, {"command", one.command}, {"why", one.why}});
  }
  return json_response(
      {{"time", utc(view.unix_ns)}, {"processes", watched}, {"unwatched", unwatched}});
}

Response one_process(const HostView& view, const std::string& text) {
  const auto pid = number_of(text);
  const ProcessView* process = pid ? find(view, *pid) : nullptr;
  if (process == nullptr) return plain(404, "no such process is watched: see /api/v1/processes");
  Json json = process_json(*process);
  json["states"] = states_json(*process);
  Json stacks = Json::array();
  for (const StackView& stack : process->stacks) stacks.push_back(stack_view_json(stack));
  stacks.push_back(stack_view_json(process->other_stacks));
  json["stacks"] = std::move(stacks);
  json["findings"] = findings_json(*process, true);
  json["remarks"] = process->report.remarks;
  return json_response(json);
}

Response verdicts(const HostView& view) {
  Json all = Json::array();
  for (const auto& process : view.processes) {
    for (Json& one : findings_json(*process, false)) all.push_back(std::move(one));
  }
  return json_response({{"time", utc(view.unix_ns)}, {"verdicts", all}});
}

Response stack(const HostView& view, const std::string& id) {
  for (const auto& process : view.processes) {
    for (const StackView& one : process->stacks) {
      if (one.id == id) return json_response({{"stack", id}, {"frames", stack_json(one.frames)}});
    }
    for (const ReportedFinding& one : process->report.findings) {
      for (const ReportedStack* frames : {&one.spawned_at, &one.parked_at}) {
        if (stack_id(*frames) != id) continue;
        return json_response({{"stack", id}, {"frames", stack_json(*frames)}});
      }
    }
  }
  return plain(404, "no process that is watched has told of such a stack lately");
}

// What follows `prefix`; nothing if the path does not begin with it.
std::optional<std::string> after(const std::string& path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return std::nullopt;
  return path.substr(prefix.size());
}

constexpr const char* index_text =
    "coroscope serve\n"
    "\n"
    "/                              in a browser: all of this as a page\n"
    "/metrics                       for Prometheus\n"
    "/api/v1/processes              what is watched\n"
    "/api/v1/processes/PID          one of them, with its stacks and findings\n"
    "/api/v1/verdicts               what is wrong, or may become so\n"
    "/api/v1/stacks/ID              where a stack that a series names is\n"
    "/api/v1/services               what the history has\n"
    "/api/v1/services/ID/history    one of them over time; ?from=&to=&points=\n"
    "/api/v1/services/ID/at         what there was at one ?time=\n"
    "/debug/pprof/goroutine?pid=PID for go tool pprof; with &debug=1 or 2 as text, with\n"
    "                               &seconds=N what is other then\n"
    "/healthz /readyz";

}  // namespace

// A look at a process may take 10 s (see Observation), and there may be several such.
Response Api::health(const HostView& view) const {
  constexpr uint64_t slowest_ns = 60'000'000'000;
  const uint64_t age = monotonic_ns() - view.monotonic_ns;
  if (age <= slowest_ns + 2 * interval_ns_) return plain(200, "ok");
  return plain(503, fmt::format("the last look was {} s ago", age / 1'000'000'000));
}

Response Api::profile(const HostView& view, const Request& request) {
  const auto parameter = [&request](const char* name) {
    const auto found = request.parameters.find(name);
    return found == request.parameters.end() ? std::string() : found->second;
  };
  if (parameter("pid").empty()) {
    return plain(400,
                 "ask for ?pid=PID, and &debug=1 or 2 for text, or &seconds=N for what is other "
                 "then; /api/v1/processes has the processes that are watched");
  }
  const auto form = profile_form(parameter("debug"));
  if (!form) return plain(400, "debug is 0, 1 or 2");
  const auto pid = number_of(parameter("pid"));
  const ProcessView* process = pid ? find(view, *pid) : nullptr;
  if (process == nullptr) return plain(404, "no such process is watched: see /api/v1/processes");
  if (!parameter("seconds").empty()) {
    if (*form != ProfileForm::proto) return plain(400, "seconds goes with debug=0 only");
    return change(*process, request);
  }
  const std::lock_guard lock(profiling_);
  auto made = take_profile(process->pid, process->start_ticks, *form);
  if (!made) return plain(503, made.error().message);
  if (*form != ProfileForm::proto) return {200, "text/plain; charset=utf-8", std::move(*made)};
  return {200, "application/octet-stream", std::move(*made)};
}

bool Api::wait(uint64_t ns, const Request& request) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(ns);
  std::unique_lock lock(mutex_);
  while (!ending_ && !(request.left && request.left())) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) return true;
    ended_.wait_until(lock, std::min(end, now + std::chrono::seconds(1)));
  }
  return false;
}

void Api::end() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
  ended_.notify_all();
}

// Each holds a thread of those that answer.
Response Api::change(const ProcessView& process, const Request& request) {
  constexpr int most_waiting = 2;
  constexpr int most_seconds = 300;
  const std::string& text = request.parameters.at("seconds");
  const auto seconds = number_of(text);
  if (!seconds || *seconds > most_seconds) {
    return plain(400, fmt::format("seconds has to be from 1 to {}", most_seconds));
  }
  {
    const std::lock_guard lock(mutex_);
    if (waiting_ >= most_waiting) {
      Response busy = plain(503, fmt::format("{} such are being made already", most_waiting));
      busy.headers.emplace_back("Retry-After", text);
      return busy;
    }
    ++waiting_;
  }
  auto made = take_change(
      process.pid, process.start_ticks, static_cast<uint64_t>(*seconds),
      [&](uint64_t ns) { return wait(ns, request); }, profiling_);
  {
    const std::lock_guard lock(mutex_);
    --waiting_;
  }
  if (!made) return plain(503, made.error().message);
  return {200, "application/octet-stream", std::move(*made)};
}

Response Api::answer(const Request& request) {
  const std::shared_ptr<const HostView> view = published_.get();
  const std::string& path = request.path;
  if (path == "/metrics") return metrics(*view, request.accept);
  if (path == "/healthz") return health(*view);
  if (path == "/readyz") {
    return view->scans > 0 ? plain(200, "ready") : plain(503, "processes are being looked for");
  }
  if (path == "/api/v1/processes") return processes(*view);
  if (const auto pid = after(path, "/api/v1/processes/")) return one_process(*view, *pid);
  if (path == "/api/v1/verdicts") return verdicts(*view);
  if (const auto id = after(path, "/api/v1/stacks/")) return stack(*view, *id);
  if (auto past = answer_history(history_, request)) return std::move(*past);
  if (path == "/debug/pprof/goroutine") return profile(*view, request);
  if (is_page(request)) return page_answer(request);
  if (path == "/") return plain(200, index_text);
  return plain(404, "there is nothing here; / says what there is");
}

}  // namespace coroscope::daemon
