// SPDX-License-Identifier: Apache-2.0
// Reads back what json_dump wrote: a dump without its process.
#pragma once

#include <istream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/dump.h"
#include "util/result.h"

namespace coroscope {

// SavedDetails has what the file tells of single coroutines: of all of them, or
// of one of each group.
class SavedDetails : public DumpDetails {
 public:
  DumpDetail names_of(const DumpRecord& record) override;
  DumpDetail describe(const Dump& dump, const DumpRecord& record) override;
  ReportedNames count_names_of(const Dump& dump, const std::vector<uint32_t>& members) override;
  uint64_t unread() const override { return unread_; }

 private:
  friend class SavedDumpReader;

  std::map<uint32_t, DumpDetail> details_;   // by DumpRecord::slot, of those who have any
  std::map<uint32_t, ReportedNames> named_;  // of groups, by the slot of their first member
  uint64_t unread_ = 0;
};

struct SavedDump {
  Dump dump;  // each record's slot is its index
  std::unique_ptr<SavedDetails> details;
};

// `name` is for errors. The contents are not trusted: texts are made printable,
// and no more than `most` coroutines are read. Errors (usage): what is wrong in
// which line; also of a file that ends early.
inline constexpr uint64_t max_saved_records = 10'000'000;
Result<SavedDump> read_saved_dump(std::istream& input, const std::string& name,
                                  uint64_t most = max_saved_records);

}  // namespace coroscope
