// SPDX-License-Identifier: Apache-2.0
// A file that `coroscope dump --format json` is said to have written.
#include <cstddef>
#include <cstdint>
#include <sstream>

#include "export/dump_saved.h"
#include "promise.h"
#include "util/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace coroscope::fuzz {
namespace {

// As many as a few lines may stand for, or each run would be about them.
constexpr uint64_t most_records = 1000;

void check_shown(const std::string& text) {
  promise(printable(text) == text, "what is shown is printable");
}

void check_stack(const DumpedStack& stack) {
  check_shown(stack.cut);
  for (const ReportedFrame& frame : stack.frames) {
    check_shown(frame.function);
    check_shown(frame.file);
  }
}

void check_detail(const DumpDetail& detail) {
  check_shown(detail.name);
  check_shown(detail.cause);
  for (const auto& [key, value] : detail.labels) check_shown(key + value);
  for (const std::string& one : detail.select_cases) check_shown(one);
}

void check_record(const DumpRecord& record, SavedDump& saved) {
  check_shown(saved.dump.reason_of(record.activity, record.reason));
  check_stack(saved.dump.parked_stack(record.parked_stack));
  check_stack(saved.dump.spawn_stack(record.spawn_stack));
  check_detail(saved.details->describe(saved.dump, record));
}

void check_verdict(const DumpVerdict& verdict) {
  check_shown(verdict.verdict + verdict.cause + verdict.fix);
  for (const std::string& line : verdict.because) check_shown(line);
  for (const std::string& line : verdict.chain) check_shown(line);
}

void check(SavedDump& saved) {
  const Dump& dump = saved.dump;
  promise(dump.records.size() <= most_records, "no more are read than may be");
  promise(dump.completeness() >= 0 && dump.completeness() <= 1, "completeness is a share");
  check_shown(dump.process + dump.command + dump.runtime);
  for (const auto& [place, verdict] : dump.verdicts) check_verdict(verdict);
  for (uint32_t i = 0; i < dump.records.size(); ++i) {
    promise(dump.records[i].slot == i, "a record's slot is its index");
    check_record(dump.records[i], saved);
    const ReportedNames names = saved.details->count_names_of(dump, {i});
    for (const auto& name : names.names) check_shown(name.name);
  }
}

}  // namespace
}  // namespace coroscope::fuzz

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coroscope;
  using namespace coroscope::fuzz;
  std::istringstream input(std::string(reinterpret_cast<const char*>(data), size));
  auto saved = read_saved_dump(input, "a file", most_records);
  if (saved) {
    check(*saved);
  } else {
    check_shown(saved.error().message);
  }
  return 0;
}
