// SPDX-License-Identifier: Apache-2.0
#include "export/json_parts.h"
#include "export/vitals.h"

namespace coroscope {
namespace {

template <typename T>
void add(Json& json, const char* name, const std::optional<T>& value) {
  if (value) json[name] = *value;
}

double completeness(const VitalsRecord& record) {
  const uint64_t lost = record.sample.count.losses.total();
  if (lost == 0) return 1;
  const auto live = static_cast<double>(record.vitals.live);
  return live / (live + static_cast<double>(lost));
}

Json stacks_json(const Headcount& count) {
  Json json = {{"count", count.stacks},
               {"reserved_bytes", count.stack_reserved},
               {"used_bytes", count.stack_used},
               {"running", count.stacks_running}};
  if (count.stacks_odd > 0) json["odd"] = count.stacks_odd;
  return json;
}

}  // namespace

std::string vitals_json(const VitalsRecord& record) {
  const VitalsSample& sample = record.sample;
  const Vitals& vitals = record.vitals;
  Json json = {{"type", "stat"},
               {"pid", record.pid},
               {"runtime", record.runtime},
               {"elapsed_s", seconds(record.elapsed_ns)}};
  add_inner_pid(json, record.inner_pid);
  if (vitals.interval_ns > 0) json["interval_s"] = seconds(vitals.interval_ns);
  json["live"] = vitals.live;
  for (const Activity activity :
       {Activity::parked, Activity::running, Activity::runnable, Activity::syscall}) {
    json[activity_name(activity)] = sample.count.count(activity);
  }
  json["system"] = sample.count.system;
  add(json, "spawns_per_second", vitals.spawns_ps);
  add(json, "exits_per_second", vitals.exits_ps);
  add(json, "cpus", vitals.cpus);
  add(json, "threads", sample.threads);
  json["workers"] = sample.workers;
  add(json, "timers", vitals.timers);
  json["stacks"] = stacks_json(sample.count);
  add(json, "resident_bytes", sample.resident_bytes);
  json["census_s"] = seconds(sample.count.ended_ns - sample.count.started_ns);
  json["completeness"] = completeness(record);
  json["losses"] = census_losses_json(sample.count.losses);
  if (sample.schedulers) add_schedulers(json, *sample.schedulers);
  if (record.other_copies > 0) json["other_copies"] = record.other_copies;
  return line(json);
}

}  // namespace coroscope
