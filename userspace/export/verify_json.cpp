// SPDX-License-Identifier: Apache-2.0
#include "export/json_parts.h"
#include "export/verify.h"

namespace coroscope {
namespace {

Json group_json(const LeftProcess& process, const LeftGroup& group) {
  Json json = {{"type", "leftover"},
               {"pid", process.pid},
               {"count", group.count},
               {"state", activity_name(group.activity)}};
  if (group.activity == Activity::parked) {
    json["reason"] = group.wait;
    json["shortest_wait_s"] = seconds(group.shortest_wait_ns);
    json["longest_wait_s"] = seconds(group.longest_wait_ns);
  }
  if (!group.example.cause.empty()) json["cause"] = group.example.cause;
  if (!group.example.select_cases.empty()) json["select_cases"] = group.example.select_cases;
  json["oldest_age_s"] = seconds(group.oldest_age_ns);
  json["example_coroutine"] = group.example_id;
  if (!group.named.names.empty() || !group.named.labels.empty()) {
    json["named"] = names_json(group.named);
  }
  if (!group.parked_at.cut.empty()) json["parked_cut"] = group.parked_at.cut;
  json["parked_at"] = stack_json(group.parked_at.frames);
  json["spawned_at"] = stack_json(group.spawned_at.frames);
  return json;
}

Json process_json(const LeftProcess& process) {
  Json json = {{"type", "process"}, {"pid", process.pid}};
  add_inner_pid(json, process.inner_pid);
  json["command"] = process.command;
  json["runtime"] = process.runtime;
  json["live"] = process.live;
  json["left"] = process.left();
  json["before"] = process.before;
  json["ignored"] = process.ignored;
  json["may_be_ending"] = process.may_be_ending;
  json["completeness"] = process.completeness;
  json["losses"] = census_losses_json(process.losses);
  json["stacks_unread"] = process.stacks_unread;
  if (process.other_copies > 0) json["other_copies"] = process.other_copies;
  return json;
}

}  // namespace

std::string verify_json(const VerifyReport& report, int exit_code) {
  std::string text;
  for (const LeftProcess& process : report.processes) {
    for (const LeftGroup& group : process.groups) text += line(group_json(process, group));
    text += line(process_json(process));
  }
  Json end = {{"type", "verify"},
              {"exit_code", exit_code},
              {"command", report.command},
              {"command_code", report.command_code},
              {"at_marker", report.at_marker},
              {"left", report.left()},
              {"processes", report.seen},
              {"judged", report.processes.size()},
              {"failed", report.failed},
              {"running", report.running}};
  end["unread"] = report.unread;
  if (!report.ignored.empty()) end["ignored"] = ignored_json(report.ignored);
  return text + line(end);
}

}  // namespace coroscope
