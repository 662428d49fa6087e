// SPDX-License-Identifier: Apache-2.0
// The allow list: coroutines that are meant to stay, and by whose word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "detect/report.h"
#include "model/reported.h"
#include "util/pattern.h"
#include "util/result.h"

namespace coroscope {

// IgnoreRule matches who meets all that it asks for; it has to ask for something. Patterns
// are searched for in a function's name as it is shown, and in "function file:line".
struct IgnoreRule {
  std::optional<Pattern> top;         // the innermost frame of the program
  std::optional<Pattern> any;         // any frame of the parked stack
  std::optional<Pattern> created_by;  // any frame of the spawn stack
  std::optional<std::pair<std::string, std::string>> label;
  std::string wait;  // as "chan receive"

  // For people.
  std::string asks;     // "top '^read_row$', label tenant=a"
  std::string source;   // where it was given: "--ignore-top", "allow.json entry 2"
  std::string reason;   // why; may be empty
  std::string expires;  // the last day that it is good for, as "2027-01-31"; empty: none
  bool expired = false;
};

// A day as "2027-01-31", in UTC, of a time since 1970.
std::string day_of(uint64_t unix_ns);

// Reads an allow list: JSON, which may have comments. `source` is for messages, `today`
// decides what has expired. Error: usage; names the entry and says what to do.
Result<std::vector<IgnoreRule>> parse_ignore_file(const std::string& text,
                                                  const std::string& source,
                                                  const std::string& today);

// "KEY=VALUE"; nothing if it is not of that form.
std::optional<std::pair<std::string, std::string>> parse_label(const std::string& text);

// IgnoreSubject is one coroutine, or several that have the same.
struct IgnoreSubject {
  const ReportedStack& parked_at;
  const ReportedStack& spawned_at;
  std::string wait;
  std::vector<std::pair<std::string, std::string>> labels;  // that all of them have
};

// The first rule that has not expired and matches; nothing if there is none.
std::optional<size_t> match_ignore(const std::vector<IgnoreRule>& rules,
                                   const IgnoreSubject& subject);

// A row for each rule, none counted yet.
std::vector<IgnoredRow> ignored_rows(const std::vector<IgnoreRule>& rules);

// Takes the findings out that a rule matches, and counts them in the report. A label counts
// if all members that were asked have it.
void apply_ignores(const std::vector<IgnoreRule>& rules, TargetReport& report);

}  // namespace coroscope
