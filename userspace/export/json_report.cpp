// SPDX-License-Identifier: Apache-2.0
// The JSON forms of an account and of a finding.
#include "export/json_parts.h"
#include "model/losses_by_cause.h"

namespace coroscope {
namespace {

Json projection_json(const Projection& projection) {
  Json json = Json::object();
  if (projection.bytes_an_hour) json["bytes_per_hour"] = *projection.bytes_an_hour;
  if (!projection.limit.empty()) {
    json["limit"] = projection.limit;
    json["reached_in_s"] = seconds(projection.reached_in_ns);
  }
  return json;
}

// Of a value there is one; `is` says what stands for it.
Json label_json(const ReportedLabel& label) {
  Json json = {{"key", label.key}};
  switch (label.is) {
    case ReportedLabel::Is::value:
      json["value"] = label.value;
      break;
    case ReportedLabel::Is::none:
      json["is"] = "none";
      break;
    case ReportedLabel::Is::unread:
      json["is"] = "unread";
      break;
    case ReportedLabel::Is::other:
      json["is"] = "other";
      break;
  }
  return json;
}

}  // namespace

Json losses_json(const Account& account) {
  Json json = {{"at_attach", census_losses_json(account.losses.census)},
               {"latest_census", census_losses_json(account.losses.latest)}};
  for (const LossByCause& loss : losses_by_cause(account.losses))
    json[std::string(loss.cause)] = loss.count;
  return json;
}

Json account_json(const Account& account) {
  return {{"live", account.live},         {"parked", account.parked},
          {"baseline", account.baseline}, {"spawned", account.spawned},
          {"exited", account.exited},     {"probes", name_of(account.mode)},
          {"sample", account.sample},     {"completeness", account.completeness()}};
}

Json finding_json(const ReportedFinding& finding) {
  const Judgement& judgement = finding.judgement;
  Json json = {{"verdict", finding.withheld ? "withheld" : verdict_name(judgement.verdict)}};
  if (finding.withheld) json["would_be"] = verdict_name(judgement.verdict);
  if (judgement.ground != Ground::none) json["ground"] = ground_name(judgement.ground);
  if (!finding.reason.empty()) json["reason"] = finding.reason;
  if (!finding.cause.empty()) json["cause"] = finding.cause;
  if (!finding.because.empty()) json["because"] = finding.because;
  if (!finding.chain.empty()) json["chain"] = finding.chain;
  if (!finding.fix.empty()) json["fix"] = finding.fix;
  json["per_second"] = judgement.per_second;
  json["live"] = finding.live;
  json["live_at_first"] = judgement.first_live;
  json["joined"] = finding.joined;
  json["left"] = finding.left;
  json["judged_s"] = seconds(judgement.watched_ns);
  json["evidence"] = evidence_json(judgement);
  if (finding.projection) json["projection"] = projection_json(*finding.projection);
  json["oldest_wait_s"] = seconds(finding.oldest_wait_ns);
  json["oldest_age_s"] = seconds(finding.oldest_age_ns);
  json["example_coroutine"] = finding.example_id;
  json["spawn_stack_id"] = finding.spawn_stack_id;
  if (finding.several_places) json["several_places"] = true;
  if (finding.several_births) json["several_births"] = true;
  if (finding.label) json["label"] = label_json(*finding.label);
  if (finding.several_labels) json["several_labels"] = true;
  if (!finding.named.names.empty() || !finding.named.labels.empty()) {
    json["named"] = names_json(finding.named);
  }
  if (!finding.select_cases.empty()) json["select_cases"] = finding.select_cases;
  json["parked_at"] = stack_json(finding.parked_at);
  json["spawned_at"] = stack_json(finding.spawned_at);
  return json;
}

}  // namespace coroscope
