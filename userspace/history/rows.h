// SPDX-License-Identifier: Apache-2.0
// Reading rows; for what asks the history only.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "history/history.h"

namespace coroscope::history {

// What a stack's number stands for.
struct Named {
  std::string id = other_stacks;
  std::string frames = "[]";
};

class Stacks {
 public:
  explicit Stacks(SQLite::Database& database)
      : find_(database, "SELECT id, frames FROM stack WHERE number = ?") {}

  const Named& of(int64_t number) {
    const auto [known, added] = known_.try_emplace(number);
    if (!added || number == 0) return known->second;
    find_.reset();
    find_.bind(1, number);
    if (find_.executeStep()) {
      known->second = {find_.getColumn(0).getString(), find_.getColumn(1).getString()};
    }
    return known->second;
  }

 private:
  SQLite::Statement find_;
  std::map<int64_t, Named> known_;
};

// Calls f(number, live) of each; what is not of that form is left out.
template <typename F>
void each_stack(const std::string& text, F f) {
  const nlohmann::json stacks = nlohmann::json::parse(text, nullptr, false);
  if (!stacks.is_array()) return;
  for (const nlohmann::json& one : stacks) {
    if (!one.is_array() || one.size() != 2 || !one[0].is_number_integer() ||
        !one[1].is_number_integer()) {
      continue;
    }
    f(one[0].get<int64_t>(), one[1].get<int64_t>());
  }
}

// Without its stacks.
Sample sample_of(SQLite::Statement& row);
Service service_of(SQLite::Statement& row);

// Of which anything is known between these times, in the order in which they began: the latest
// most_instances, and one more if there are more. One that runs is known of until now, as long as
// somebody writes.
std::vector<Instance> instances_between(SQLite::Database& database, const Service& service,
                                        Time from, Time to);
std::vector<Gap> gaps_between(SQLite::Database& database, Time from, Time to);

}  // namespace coroscope::history
