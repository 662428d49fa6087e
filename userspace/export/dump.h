// SPDX-License-Identifier: Apache-2.0
// The forms of a dump. A dump may be large, so it is written piece by piece:
// begin, then each group or each coroutine of the page, then end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "detect/report.h"
#include "model/dump_query.h"

namespace coroscope {

class DumpEncoder {
 public:
  virtual ~DumpEncoder() = default;

  // Each returns what is to be written now; it may be empty.
  virtual std::string begin(const DumpPage& page) = 0;
  // `example` is about the group's example, `named` about its members.
  virtual std::string group(const DumpPage& page, const DumpGroup& group, const DumpDetail& example,
                            const ReportedNames& named) = 0;
  virtual std::string coroutine(const DumpPage& page, const DumpRecord& record,
                                const DumpDetail& detail) = 0;
  // `names_unread`: coroutines whose names and labels could not be read.
  virtual std::string end(const DumpPage& page, uint64_t names_unread) = 0;
};

// For people. Ends with what was lost, and the completeness.
std::unique_ptr<DumpEncoder> text_dump();
// One object a line, each with a "type"; the first is `dump`, the last `end`. Fields are only ever
// added; README.md documents them.
std::unique_ptr<DumpEncoder> json_dump();
// For flame graphs: "outermost;...;innermost;[reason] count" a line, of groups only. Has no
// place for losses: dump_losses_text has them.
std::unique_ptr<DumpEncoder> folded_dump();

// For pprof: its gzip-compressed profile.proto. Groups, or coroutines, are the samples.
std::unique_ptr<DumpEncoder> pprof_dump();

// As the text forms of Go's net/http/pprof: groups as with debug=1, coroutines as with debug=2.
std::unique_ptr<DumpEncoder> go_dump();

// What a page holds at most; what is beyond is counted on it.
struct HtmlBounds {
  size_t nodes = 50'000;  // frames of all stacks, those that begin alike together
  size_t depth = 256;
  size_t name_bytes = 512;
  size_t text_bytes = 8 << 20;  // of all names together
};
// For browsers: one page that needs nothing else, a flame graph of groups only.
std::unique_ptr<DumpEncoder> html_dump(const HtmlBounds& bounds = {});

// Of whom the dump is, and how many match: a line each.
std::string dump_begin_text(const DumpPage& page);
// What is not shown and what was lost, and the completeness: a line each.
std::string dump_end_text(const DumpPage& page, uint64_t names_unread);
// What the dump does not show: a line for each cause, none if there is none.
std::string dump_losses_text(const DumpPage& page, uint64_t names_unread);

}  // namespace coroscope
