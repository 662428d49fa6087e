// SPDX-License-Identifier: Apache-2.0
// What the JSON forms have in common; for encoders only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "detect/report.h"
#include "model/records.h"
#include "model/reported.h"

namespace coroscope {

// Keeps the order in which fields are set: easier on the eye.
using Json = nlohmann::ordered_json;

// With its newline. Bytes that are not UTF-8 are replaced.
std::string line(const Json& json);

inline double seconds(uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

// "2026-11-21T11:30:00.123Z" of nanoseconds after 1970; empty of 0.
std::string utc(uint64_t wall_ns);

// As "inner_pid", if it is another than "pid".
void add_inner_pid(Json& json, pid_t inner_pid);
Json census_losses_json(const CensusLosses& losses);
// As "schedulers", and what is not among them as "schedulers_lost".
void add_schedulers(Json& json, const Schedulers& schedulers);
Json stack_json(const ReportedStack& stack);
Json ignored_json(const std::vector<IgnoredRow>& rows);
Json names_json(const ReportedNames& named);
Json evidence_json(const Judgement& judgement);
// By cause.
Json losses_json(const Account& account);
// Its totals.
Json account_json(const Account& account);
Json finding_json(const ReportedFinding& finding);

}  // namespace coroscope
