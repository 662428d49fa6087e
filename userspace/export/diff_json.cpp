// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "export/diff.h"
#include "export/json_parts.h"

namespace coroscope {
namespace {

const char* name_of(DumpChange::Kind kind) {
  switch (kind) {
    case DumpChange::Kind::blocked:
      return "new_and_blocked";
    case DumpChange::Kind::more:
      return "new";
    case DumpChange::Kind::less:
      return "gone";
  }
  return "";
}

Json side(const Dump& dump) {
  Json json = {{"pid", dump.pid},
               {"process", dump.process},
               {"taken", utc(dump.taken_unix_ns)},
               {"command", dump.command},
               {"live", dump.live()},
               {"left_out", dump.left_out},
               {"completeness", dump.completeness()},
               {"losses", census_losses_json(dump.losses)},
               {"stacks_unread", dump.stacks_unread},
               {"stacks_cut", dump.stacks_cut},
               {"gone", dump.gone}};
  json["losses"]["stacks_lost"] = dump.stacks_lost;
  add_inner_pid(json, dump.inner_pid);
  return json;
}

void add_verdict(Json& json, const Judgement& judgement) {
  json["verdict"] = verdict_name(judgement.verdict);
  if (judgement.ground != Ground::none) json["ground"] = ground_name(judgement.ground);
  json["per_second"] = judgement.per_second;
  json["judged_s"] = seconds(judgement.watched_ns);
  json["evidence"] = evidence_json(judgement);
}

Json ids_of(const Dump& dump, const std::vector<uint32_t>& members) {
  constexpr size_t most = 100;  // more are for `dump`
  Json ids = Json::array();
  for (size_t i = 0; i < std::min(most, members.size()); ++i) {
    ids.push_back(dump.records[members[i]].id);
  }
  return ids;
}

}  // namespace

std::string diff_json_begin(const DumpDiff& diff) {
  Json json = {{"type", "diff"},
               {"before", side(diff.before)},
               {"after", side(diff.after)},
               {"same_process", diff.same_process}};
  if (diff.same_process) {
    json["born"] = diff.born;
    json["ended"] = diff.ended;
  }
  return line(json);
}

std::string diff_json_change(const DumpDiff& diff, const DumpChange& change,
                             const DiffExample& example, const Judgement* judgement) {
  Json json = {{"type", "change"},
               {"kind", name_of(change.kind)},
               {"before", change.before.size()},
               {"after", change.after.size()},
               {"state", activity_name(change.activity)}};
  if (change.activity == Activity::parked) json["reason"] = change.reason;
  if (!example.detail.cause.empty()) json["cause"] = example.detail.cause;
  if (!example.detail.select_cases.empty()) json["select_cases"] = example.detail.select_cases;
  if (diff.same_process) {
    json["born"] = change.born.size();
    json["ended"] = change.ended;
    json["born_ids"] = ids_of(diff.after, change.born);
  }
  if (judgement != nullptr) add_verdict(json, *judgement);
  if (example.id != 0) json["example"] = example.id;
  json["parked_at"] = stack_json(change.parked->frames);
  json["spawned_at"] = stack_json(change.spawned->frames);
  return line(json);
}

std::string diff_json_end(const DumpDiff& diff, const DiffVerdicts& verdicts,
                          const std::vector<IgnoredRow>& ignored) {
  Json json = {{"type", "end"}, {"changes", diff.changes.size()}, {"unchanged", diff.unchanged}};
  if (!verdicts.not_judged.empty()) json["not_judged"] = verdicts.not_judged;
  if (!verdicts.remarks.empty()) json["remarks"] = verdicts.remarks;
  if (!ignored.empty()) json["ignored"] = ignored_json(ignored);
  return line(json);
}

}  // namespace coroscope
