// SPDX-License-Identifier: Apache-2.0
#include "export/json.h"

#include "detect/withheld.h"
#include "export/json_parts.h"

namespace coroscope {
namespace {

// Durations of ended parks: [upper bound in ns, count], empty buckets left out.
Json histogram_json(const StackCounters& events) {
  Json buckets = Json::array();
  for (uint32_t bucket = 0; bucket < WIRE_PARK_BUCKETS; ++bucket) {
    if (events.park_ns_log2[bucket] == 0) continue;
    buckets.push_back({uint64_t{2} << bucket, events.park_ns_log2[bucket]});
  }
  return buckets;
}

Json spawn_stack_json(const StackBalance& row) {
  return {{"spawn_stack_id", row.spawn_stack},
          {"live", row.live},
          {"parked", row.parked},
          {"baseline", row.baseline},
          {"spawned", row.events.spawned},
          {"exited", row.events.exited},
          {"parks", row.events.parks},
          {"unparks", row.events.unparks},
          {"park_ns_histogram", histogram_json(row.events)}};
}

Json waits_json(const ReportedWaits& waits) {
  Json places = Json::array();
  for (const ReportedWaits::Place& place : waits.places) {
    places.push_back({{"stack_id", place.stack_id},
                      {"ended", place.ended},
                      {"parked_ns", place.parked_ns},
                      {"at", stack_json(place.at)}});
  }
  return {{"ended", waits.ended},
          {"parked_ns", waits.parked_ns},
          {"places", places},
          {"other_places", waits.other_places},
          {"unplaced", {{"ended", waits.unplaced}, {"parked_ns", waits.unplaced_ns}}}};
}

Json target_json(const TargetReport& report) {
  Json json = {{"pid", report.pid},
               {"command", report.command},
               {"runtime", report.runtime},
               {"workers", report.workers},
               {"watched_s", seconds(report.watched_ns)},
               {"censuses", report.censuses},
               {"judged", report.judged},
               {"patience_s", seconds(report.patience_ns)},
               {"withheld", report.withheld()},
               {"gone", report.gone}};
  if (report.withheld()) json["what_would_help"] = what_would_help(report.account.losses);
  add_inner_pid(json, report.inner_pid);
  json.update(account_json(report.account));
  json["populations"] = report.populations;
  json["findings"] = Json::array();
  for (const ReportedFinding& finding : report.findings) {
    json["findings"].push_back(finding_json(finding));
  }
  if (!report.ignored.empty()) json["ignored"] = ignored_json(report.ignored);
  json["spawn_stacks"] = Json::array();
  for (const StackBalance& row : report.account.stacks) {
    json["spawn_stacks"].push_back(spawn_stack_json(row));
  }
  if (report.waits.asked) json["waits"] = waits_json(report.waits);
  json["losses"] = losses_json(report.account);
  json["stacks_unread"] = report.stacks_unread;
  json["stacks_cut"] = report.stacks_cut;
  json["remarks"] = report.remarks;
  return json;
}

size_t leak_count(const std::vector<TargetReport>& reports) {
  size_t leaks = 0;
  for (const TargetReport& report : reports) {
    for (const ReportedFinding& finding : report.findings) {
      leaks += finding.judgement.verdict == Verdict::leak && !finding.withheld;
    }
  }
  return leaks;
}

}  // namespace

std::string attached_json(const AttachedRecord& record) {
  Json json = {{"type", "attached"},        {"pid", record.pid},
               {"command", record.command}, {"runtime", record.runtime},
               {"workers", record.workers}, {"attach_s", record.attach_s}};
  add_inner_pid(json, record.inner_pid);
  json.update(account_json(record.account));
  return line(json);
}

std::string sample_json(const SampleRecord& record) {
  Json json = {{"type", "sample"}, {"pid", record.pid}, {"elapsed_s", record.elapsed_s}};
  add_inner_pid(json, record.inner_pid);
  json.update(account_json(record.account));
  json["losses"] = losses_json(record.account);
  if (record.schedulers) add_schedulers(json, *record.schedulers);
  return line(json);
}

std::string report_json(const std::vector<TargetReport>& reports, int exit_code) {
  Json json = {{"type", "report"}, {"exit_code", exit_code}};
  json["leaks"] = leak_count(reports);
  json["targets"] = Json::array();
  for (const TargetReport& report : reports) json["targets"].push_back(target_json(report));
  return line(json);
}

}  // namespace coroscope
