// SPDX-License-Identifier: Apache-2.0
// runtime/gallery/verdicts.json: what each program of the gallery shows.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gallery_table {

// A population that a program has, and by how much it grows.
struct Population {
  std::string reason;      // of its wait; "" if it does not wait
  std::string parked_in;   // the innermost function of the program; "": none to name
  std::string spawned_in;  // the function that called coro::go
  double growth_per_round = 0;
};

struct Row {
  std::string program;
  std::string form;     // "leak" or "fixed", as the flag
  std::string verdict;  // "none", or as runtime/gallery/README.md lists them
  std::string cause;
  bool grows = false;                   // for as long as the program runs
  int limit = 0;                        // where it stops if it does not; 0: it never began
  std::vector<Population> populations;  // the main one first
};

inline Population population_of(const nlohmann::json& json) {
  return {json.at("reason"), json.at("parked_in"), json.at("spawned_in"),
          json.at("growth_per_round")};
}

// All rows. Throws if the file is not as it should be.
inline std::vector<Row> read(const std::string& file) {
  std::ifstream in(file);
  std::vector<Row> rows;
  for (const nlohmann::json& json : nlohmann::json::parse(in)) {
    Row row{.program = json.at("program"),
            .form = json.at("form"),
            .verdict = json.at("verdict"),
            .cause = json.at("cause"),
            .grows = json.at("grows"),
            .limit = json.at("limit"),
            .populations = {population_of(json)}};
    for (const nlohmann::json& other : json.at("also")) {
      row.populations.push_back(population_of(other));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace gallery_table
