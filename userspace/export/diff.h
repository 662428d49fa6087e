// SPDX-License-Identifier: Apache-2.0
// The forms of a comparison of two dumps.
#pragma once

#include <string>

#include "model/dump_diff.h"

namespace coroscope {

// What there is to say about somebody of a change, of the dump of `after` or, if
// nobody is left there, of `before`.
struct DiffExample {
  uint64_t id = 0;  // 0: not known
  DumpDetail detail;
};

// For people: begin, then each change, then end. Ends with what both dumps lost.
std::string diff_text_begin(const DumpDiff& diff);
std::string diff_text_change(const DumpDiff& diff, const DumpChange& change,
                             const DiffExample& example);
std::string diff_text_end(const DumpDiff& diff);

// One object a line, each with a "type": `diff`, then each `change`, then `end`.
// Fields are only ever added; README.md documents them.
std::string diff_json_begin(const DumpDiff& diff);
std::string diff_json_change(const DumpDiff& diff, const DumpChange& change,
                             const DiffExample& example);
std::string diff_json_end(const DumpDiff& diff);

}  // namespace coroscope
