// SPDX-License-Identifier: Apache-2.0
// What the text forms have in common. Each adds whole lines.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <vector>

#include "detect/report.h"
#include "model/records.h"
#include "model/reported.h"

namespace coroscope {

using Out = std::back_insert_iterator<std::string>;

inline constexpr size_t longest_command = 200;  // shown; one may have 64 KiB

// "pid 1234", or "pid 1234 (inner 7)" if it has another number in its own PID namespace.
std::string pid_text(pid_t pid, pid_t inner_pid);

std::string duration(uint64_t ns);

// "server.cpp:57"; empty if not known.
std::string location(const ReportedFrame& frame);

// The frames of the program; all of them if there is nothing else.
std::vector<const ReportedFrame*> shown(const ReportedStack& stack);

// One frame a line, the first with the title; `otherwise` if there is none.
void add_stack(Out out, const char* title, const ReportedStack& stack, const char* otherwise);

// A line each, the first with the title; the first few.
void add_lines(Out out, const char* title, const std::vector<std::string>& lines);

// Names and labels, and the cases of a select, if there are any.
void add_names(Out out, const ReportedNames& named);
void add_cases(Out out, const std::vector<std::string>& cases);

// Of a verdict that is no fault.
const char* why_no_fault(const Judgement& judgement);

// Entries of the allow list that took something out, or have expired.
void add_ignored(Out out, const std::vector<IgnoredRow>& rows);

struct NamedLoss {
  uint64_t count;
  const char* what;
};
// A line for each that is not 0; `when` ends it.
void add_named(Out out, std::initializer_list<NamedLoss> losses, const char* when);
void add_census_losses(Out out, const CensusLosses& losses, const char* when);

// "100", but only for all of it: a loss is never rounded away.
std::string percent(double completeness, bool whole);

}  // namespace coroscope
