// SPDX-License-Identifier: Apache-2.0
#include "export/watch_saved.h"

#include <algorithm>
#include <filesystem>

#include "detect/explain.h"
#include "export/json_fields.h"

namespace coroscope {
namespace {

// Of a report on very many processes.
constexpr size_t longest_line = 256 << 20;

Verdict verdict_of(const std::string& name) {
  for (const Verdict verdict : all_verdicts) {
    if (verdict_name(verdict) == name) return verdict;
  }
  throw BadJson(fmt::format("'{}' is no verdict", shorten(name, 40)));
}

Ground ground_of(const std::string& name) {
  for (const Ground ground : all_grounds) {
    if (ground_name(ground) == name) return ground;
  }
  return Ground::none;
}

std::string place_of(const Json& stack) {
  for (const Json& frame : stack) {
    if (!frame.is_object()) throw BadJson("a frame is no object");
    if (field<bool>(frame, "runtime") || field<bool>(frame, "library")) continue;
    const std::string file = text(frame, "file");
    if (file.empty()) return text(frame, "function");
    return fmt::format("{} {}:{}", text(frame, "function"),
                       std::filesystem::path(file).filename().string(),
                       field<uint32_t>(frame, "line"));
  }
  return {};
}

void read_evidence(const Json& json, Judgement& judgement) {
  const Json& growth = object(json, "growth");
  const Json& cohort = object(json, "cohort");
  judgement.nats_needed = field<double>(json, "nats_needed");
  judgement.beyond_ns = nanoseconds(json, "beyond_s");
  judgement.stayed = field<uint64_t>(json, "stayed");
  judgement.shown_left = field<uint64_t>(json, "shown_left");
  judgement.growth.nats = field<double>(growth, "nats");
  judgement.growth.until_ns = nanoseconds(growth, "for_s");  // as if it had begun at 0
  judgement.growth.came = field<uint64_t>(growth, "came");
  judgement.growth.left = field<uint64_t>(growth, "left");
  judgement.cohort.nats = field<double>(cohort, "nats");
  judgement.cohort.left = field<uint64_t>(cohort, "left");
  judgement.cohort.expected = field<double>(cohort, "expected");
}

SavedFinding finding_of(const Json& json, const Json& target) {
  if (!json.is_object()) throw BadJson("a finding is no object");
  SavedFinding finding;
  finding.pid = field<uint64_t>(target, "pid");
  const std::string verdict = text(json, "verdict");
  finding.judgement.verdict = verdict_of(verdict == "withheld" ? text(json, "would_be") : verdict);
  finding.judgement.ground = ground_of(text(json, "ground"));
  finding.judgement.per_second = field<double>(json, "per_second");
  finding.judgement.patience_ns = nanoseconds(target, "patience_s");
  read_evidence(object(json, "evidence"), finding.judgement);
  finding.waits = text(json, "reason");
  const std::string cause = text(json, "cause");
  if (!cause.empty()) finding.waits += ", " + cause;
  if (finding.waits.empty()) finding.waits = "in several places";
  const Json label = object(json, "label");
  if (const std::string value = text(label, "value"); !value.empty()) {
    finding.waits += fmt::format(", {}={}", text(label, "key"), value);
  }
  finding.place = place_of(array(json, "parked_at"));
  return finding;
}

std::vector<SavedFinding> findings_of(const Json& report) {
  std::vector<SavedFinding> findings;
  for (const Json& target : array(report, "targets")) {
    if (!target.is_object()) throw BadJson("a target is no object");
    for (const Json& finding : array(target, "findings")) {
      findings.push_back(finding_of(finding, target));
    }
  }
  return findings;
}

}  // namespace

Result<std::vector<SavedFinding>> read_saved_watch(std::istream& input, const std::string& name) {
  std::string report;
  for (std::string line; std::getline(input, line);) {
    if (line.size() > longest_line) break;
    if (line.find("\"type\":\"report\"") != std::string::npos) report = std::move(line);
  }
  const Json json = Json::parse(report, nullptr, false);
  if (report.empty() || !json.is_object()) {
    return Error{ErrorKind::usage,
                 fmt::format("{}: no report in it: write it with `coroscope watch --json`", name)};
  }
  try {
    return findings_of(json);
  } catch (const BadJson& error) {
    return Error{ErrorKind::usage, fmt::format("{}: {}", name, error.what())};
  }
}

}  // namespace coroscope
