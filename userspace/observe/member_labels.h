// SPDX-License-Identifier: Apache-2.0
// What the label of one key says of each coroutine, so that populations can be told
// apart by it.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "model/records.h"
#include "model/reported.h"
#include "targets/target.h"

namespace coroscope {

// MemberLabels follows the labels of one target from census to census. Who has not moved
// since the last one has the label it had: only the others are read.
class MemberLabels {
 public:
  // Values that are told apart; what has another one is in one population with the rest.
  static constexpr size_t most_values = 4096;
  // For reading, after each census. A label takes a few microseconds.
  static constexpr uint64_t default_budget_ns = 200'000'000;

  explicit MemberLabels(std::string key, uint64_t budget_ns = default_budget_ns)
      : key_(std::move(key)), budget_ns_(budget_ns) {}

  // Fills in census.labels. Right after the census, so that most are there still.
  void add_to(Census& census, const Target& target);

  void set_budget(uint64_t ns) { budget_ns_ = ns; }

  ReportedLabel report(LabelValue value) const;

  // Of the last census: members whose label is not known, and those of which only that is
  // known which they had before they moved.
  uint64_t unread() const { return unread_; }
  uint64_t stale() const { return stale_; }
  // There were more values than are told apart.
  bool overflowed() const { return overflowed_; }

 private:
  struct Known {  // of whom sits in a slot of the table
    uint64_t id = 0;
    uint32_t revision = 0;
    LabelValue value = unread_label;
  };

  bool is_known(const Member& member) const;
  void read(const Target& target, const Member& member);
  LabelValue intern(const std::string& value);

  std::string key_;
  uint64_t budget_ns_;
  std::vector<Known> known_;  // by slot
  std::unordered_map<std::string, LabelValue> ids_;
  std::vector<std::string> values_;  // index: LabelValue - first_label
  uint64_t unread_ = 0;
  uint64_t stale_ = 0;
  bool overflowed_ = false;
};

}  // namespace coroscope
