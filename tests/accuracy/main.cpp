// SPDX-License-Identifier: Apache-2.0
// accuracy: simulated groups under the detectors of leaks. Prints a table: how soon leaks
// are found, how many are missed, and how many false alarms there are in healthy days.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "trial.h"

namespace coroscope::accuracy {
namespace {

using nlohmann::json;

constexpr uint64_t a_day = 86'400;
constexpr const char* up_to_5_s = "up to 5 s";

struct Leaks {
  std::vector<uint64_t> latencies;  // seconds, sorted
  uint64_t misses = 0;
};

Leaks of_leaks(double members, double a_second, uint64_t seeds,
               const std::function<Lifetime(Random&)>& lifetime) {
  Leaks leaks;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    Random random(seed);
    // Long enough for what is healthy to have shown how long it lives.
    const Lifetime healthy = lifetime(random);
    const uint64_t start = 600 + random.below(3600);
    Loads loads;
    loads.push_back(churn(members, healthy));
    loads.push_back(leak(a_second, start));
    const Trial trial = run(loads, seed, start + a_day, random.below(600));
    if (!trial.alarm || *trial.alarm < start) {
      leaks.misses++;
    } else {
      leaks.latencies.push_back(*trial.alarm - start);
    }
  }
  std::sort(leaks.latencies.begin(), leaks.latencies.end());
  return leaks;
}

// What we set ourselves, on 10,000 that live for up to 5 s.
std::string asked_of(bool short_lived, double members, double a_second) {
  if (!short_lived || members != 10'000) return "";
  return a_second == 1000  ? "3"
         : a_second == 100 ? "8"
         : a_second == 10  ? "15"
         : a_second == 1   ? "60"
                           : "";
}

json leak_row(const char* healthy, double members, double a_second, const Leaks& leaks) {
  json row = {{"healthy", healthy},
              {"members", members},
              {"leak_per_second", a_second},
              {"seeds", leaks.latencies.size() + leaks.misses},
              {"misses", leaks.misses}};
  if (!leaks.latencies.empty()) {
    row["median_s"] = leaks.latencies[leaks.latencies.size() / 2];
    row["worst_s"] = leaks.latencies.back();
  }
  return row;
}

json leaks_table(uint64_t seeds) {
  json rows = json::array();
  fmt::print(
      "| healthy members | leak | found after, median | worst | asked | missed |\n"
      "| --- | --- | --- | --- | --- | --- |\n");
  const auto add = [&](const char* healthy, double members, double a_second,
                       const std::function<Lifetime(Random&)>& lifetime) {
    const Leaks leaks = of_leaks(members, a_second, seeds, lifetime);
    const json row = leak_row(healthy, members, a_second, leaks);
    fmt::print("| {:.0f}, {} | {} | {} s | {} s | {} | {} of {} |\n", members, healthy,
               a_second < 1 ? "1 a minute" : fmt::format("{:.0f}/s", a_second),
               row.value("median_s", 0), row.value("worst_s", 0),
               asked_of(row["healthy"] == up_to_5_s, members, a_second), leaks.misses, seeds);
    std::fflush(stdout);
    rows.push_back(row);
  };
  for (const double members : {100.0, 10'000.0, 1'000'000.0}) {
    for (const double a_second : {1000.0, 100.0, 10.0, 1.0, 1.0 / 60}) {
      add(up_to_5_s, members, a_second, [](Random&) { return Lifetime::uniform(0, 5); });
    }
  }
  for (const double a_second : {100.0, 1.0}) {
    add("any lifetimes", 10'000, a_second,
        [](Random& random) { return Lifetime::any(random, 0.1, 30); });
  }
  return rows;
}

json healthy_table(uint64_t seeds) {
  json rows = json::array();
  fmt::print("\n| healthy, a day each | false alarms |\n| --- | --- |\n");
  for (const Kind& kind : healthy_kinds()) {
    json alarms = json::array();
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
      Random random(seed);
      Loads loads;
      loads.push_back(kind.draw(random));
      const std::string text = loads[0]->text();
      // From the start of the process on, or later.
      const uint64_t attach = random.chance(0.5) ? 1 : 1 + random.below(20'000);
      const Trial trial = run(loads, seed, a_day, attach);
      if (!trial.alarm) continue;
      alarms.push_back({{"seed", seed},
                        {"load", text},
                        {"attach_s", attach},
                        {"alarm_s", *trial.alarm},
                        {"ground", ground_name(trial.judgement.ground)},
                        {"growth", format(trial.judgement.growth)},
                        {"cohort", format(trial.judgement.cohort)}});
    }
    fmt::print("| {} | {} of {} |\n", kind.name, alarms.size(), seeds);
    std::fflush(stdout);
    rows.push_back({{"healthy", kind.name}, {"seeds", seeds}, {"alarms", alarms}});
  }
  return rows;
}

bool as_it_should(const json& report) {
  for (const json& row : report["leaks"]) {
    if (row["misses"] != 0) return false;
  }
  for (const json& row : report["healthy"]) {
    if (!row["alarms"].empty()) return false;
  }
  return true;
}

int main_of(int argc, char** argv) {
  CLI::App app{"accuracy: what the detectors of leaks are worth, on simulated groups"};
  uint64_t seeds = 20;
  std::string file;
  app.add_option("--seeds", seeds, "Runs of each scenario")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--json", file, "Write the figures there, too");
  CLI11_PARSE(app, argc, argv);
  json report;
  report["leaks"] = leaks_table(seeds);
  report["healthy"] = healthy_table(seeds);
  if (!file.empty() && !(std::ofstream(file) << report.dump(1) << '\n')) {
    fmt::print(stderr, "accuracy: cannot write {}\n", file);
    return 2;
  }
  return as_it_should(report) ? 0 : 1;
}

}  // namespace
}  // namespace coroscope::accuracy

int main(int argc, char** argv) {
  return coroscope::accuracy::main_of(argc, argv);
}
