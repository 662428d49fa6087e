// SPDX-License-Identifier: Apache-2.0
#include "export/json_parts.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace coroscope {
namespace {

Json worker_json(const SchedulerFigures::Worker& worker) {
  return {{"queued", worker.queued}, {"running", worker.running}, {"dispatches", worker.dispatches},
          {"steals", worker.steals}, {"stolen", worker.stolen},   {"handoffs", worker.handoffs},
          {"sleeps", worker.sleeps}};
}

Json scheduler_json(const SchedulerFigures& scheduler) {
  Json json = {{"id", scheduler.id},
               {"idle", scheduler.idle},
               {"spinning", scheduler.spinning},
               {"threads", scheduler.threads},
               {"queued", scheduler.queued},
               {"timers", scheduler.timers},
               {"blocking", scheduler.blocking}};
  if (scheduler.spawned) json["spawned"] = *scheduler.spawned;
  if (scheduler.exited) json["exited"] = *scheduler.exited;
  json["workers"] = Json::array();
  for (const auto& worker : scheduler.workers) json["workers"].push_back(worker_json(worker));
  if (scheduler.workers_unread > 0) json["workers_unread"] = scheduler.workers_unread;
  return json;
}

}  // namespace

std::string line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string utc(uint64_t wall_ns) {
  if (wall_ns == 0) return {};
  const auto seconds = static_cast<time_t>(wall_ns / 1'000'000'000);
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(seconds), wall_ns / 1'000'000 % 1000);
}

void add_inner_pid(Json& json, pid_t inner_pid) {
  if (inner_pid != 0) json["inner_pid"] = inner_pid;
}

Json census_losses_json(const CensusLosses& losses) {
  return {{"torn", losses.torn},
          {"unsettled", losses.unsettled},
          {"unreadable", losses.unreadable},
          {"malformed", losses.malformed},
          {"over_limit", losses.over_limit}};
}

void add_schedulers(Json& json, const Schedulers& schedulers) {
  json["schedulers"] = Json::array();
  for (const SchedulerFigures& scheduler : schedulers.running) {
    json["schedulers"].push_back(scheduler_json(scheduler));
  }
  if (schedulers.lost > 0) json["schedulers_lost"] = schedulers.lost;
}

Json stack_json(const ReportedStack& stack) {
  Json frames = Json::array();
  for (const ReportedFrame& frame : stack) {
    Json json = {{"function", frame.function}};
    if (!frame.file.empty()) json["file"] = frame.file;
    if (frame.line != 0) json["line"] = frame.line;
    json["address"] = fmt::format("{:#x}", frame.address);
    if (frame.inlined) json["inlined"] = true;
    if (frame.runtime) json["runtime"] = true;
    if (frame.library) json["library"] = true;
    if (frame.await) json["await"] = true;
    frames.push_back(std::move(json));
  }
  return frames;
}

Json ignored_json(const std::vector<IgnoredRow>& rows) {
  Json all = Json::array();
  for (const IgnoredRow& row : rows) {
    Json json = {{"source", row.source}, {"asks", row.asks}};
    if (!row.reason.empty()) json["reason"] = row.reason;
    if (!row.expires.empty()) json["expires"] = row.expires;
    if (row.expired) json["expired"] = true;
    json["findings"] = row.findings;
    json["coroutines"] = row.coroutines;
    all.push_back(std::move(json));
  }
  return all;
}

Json evidence_json(const Judgement& judgement) {
  const GrowthEvidence& growth = judgement.growth;
  const CohortEvidence& cohort = judgement.cohort;
  return {
      {"nats_needed", judgement.nats_needed},
      {"beyond_s", seconds(judgement.beyond_ns)},
      {"stayed", judgement.stayed},
      {"shown_left", judgement.shown_left},
      {"growth",
       {{"nats", growth.nats},
        {"for_s", seconds(growth.until_ns - std::min(growth.since_ns, growth.until_ns))},
        {"came", growth.came},
        {"left", growth.left}}},
      {"cohort", {{"nats", cohort.nats}, {"left", cohort.left}, {"expected", cohort.expected}}}};
}

Json names_json(const ReportedNames& named) {
  Json json = {{"asked", named.asked}, {"names", Json::array()}, {"labels", Json::array()}};
  for (const ReportedNames::Name& name : named.names) {
    json["names"].push_back({{"name", name.name}, {"members", name.members}});
  }
  for (const ReportedNames::Label& label : named.labels) {
    json["labels"].push_back(
        {{"key", label.key}, {"value", label.value}, {"members", label.members}});
  }
  return json;
}

}  // namespace coroscope
