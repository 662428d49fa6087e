// SPDX-License-Identifier: Apache-2.0
// The forms of a comparison of two dumps.
#pragma once

#include <string>
#include <vector>

#include "detect/diff_verdicts.h"
#include "detect/report.h"
#include "model/dump_diff.h"

namespace coroscope {

// What there is to say about somebody of a change, of the dump of `after` or, if
// nobody is left there, of `before`.
struct DiffExample {
  uint64_t id = 0;  // 0: not known
  DumpDetail detail;
};

// For people: begin, then each change, then end. Ends with what both dumps lost. `judgement` is
// null of what was not judged; `ignored` has a row for each entry of the allow list.
std::string diff_text_begin(const DumpDiff& diff);
std::string diff_text_change(const DumpDiff& diff, const DumpChange& change,
                             const DiffExample& example, const Judgement* judgement);
std::string diff_text_end(const DumpDiff& diff, const DiffVerdicts& verdicts,
                          const std::vector<IgnoredRow>& ignored);

// One object a line, each with a "type": `diff`, then each `change`, then `end`.
// Fields are only ever added; README.md documents them.
std::string diff_json_begin(const DumpDiff& diff);
std::string diff_json_change(const DumpDiff& diff, const DumpChange& change,
                             const DiffExample& example, const Judgement* judgement);
std::string diff_json_end(const DumpDiff& diff, const DiffVerdicts& verdicts,
                          const std::vector<IgnoredRow>& ignored);

}  // namespace coroscope
