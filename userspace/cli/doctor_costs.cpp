// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_costs.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "bpf/probe_costs.h"
#include "cli/pid.h"
#include "observe/observation.h"
#include "util/clock.h"
#include "util/duration.h"

namespace coroscope {
namespace {

// A second.
struct Rates {
  double births = 0;  // spawns and exits
  double waits = 0;   // parks and unparks, at the most: who yields counts, too
  bool known = false;
};

struct Totals {
  uint64_t spawned = 0;
  uint64_t exited = 0;
  uint64_t dispatches = 0;
};

std::optional<Totals> totals_of(const Target& target) {
  const auto schedulers = target.schedulers();
  if (!schedulers) return std::nullopt;
  Totals totals;
  for (const SchedulerFigures& scheduler : schedulers->running) {
    if (!scheduler.spawned || !scheduler.exited) return std::nullopt;
    totals.spawned += *scheduler.spawned;
    totals.exited += *scheduler.exited;
    for (const auto& worker : scheduler.workers) totals.dispatches += worker.dispatches;
  }
  return totals;
}

Rates rates_of(const Target& target) {
  const uint64_t begun = monotonic_ns();
  const auto before = totals_of(target);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const auto after = totals_of(target);
  const double seconds = static_cast<double>(monotonic_ns() - begun) / 1e9;
  Rates rates;
  if (!before || !after || after->dispatches < before->dispatches) return rates;
  const auto a_second = [&](uint64_t from, uint64_t to) {
    return to > from ? static_cast<double>(to - from) / seconds : 0;
  };
  const double spawns = a_second(before->spawned, after->spawned);
  rates.births = spawns + a_second(before->exited, after->exited);
  // Who is continued was spawned, woken, or had yielded.
  rates.waits = 2 * std::max(0.0, a_second(before->dispatches, after->dispatches) - spawns);
  rates.known = true;
  return rates;
}

struct ModeCost {
  ProbeMode mode;
  double event_ns = 0;  // 0: none
  double cores = 0;     // of the target's, at the rates that it has now
  bool offered = true;
};

std::vector<ModeCost> costs_of_modes(const ProbeCosts& costs, const Rates& rates, bool batches) {
  const double batched = costs.batched_ns + costs.written_ns;
  const double all = rates.births + rates.waits;
  const double one_by_one = rates.births * costs.birth_ns + rates.waits * costs.wait_ns;
  const double mean = all > 0 ? one_by_one / all : (costs.birth_ns + costs.wait_ns) / 2;
  return {{ProbeMode::census, 0, 0},
          {ProbeMode::births, costs.birth_ns, rates.births * costs.birth_ns / 1e9},
          {ProbeMode::full, batched, all * batched / 1e9, batches},
          {ProbeMode::classic, mean, one_by_one / 1e9}};
}

const char* what_it_tells(ProbeMode mode) {
  switch (mode) {
    case ProbeMode::census:
      return "who is there at each look";
    case ProbeMode::births:
      return "and every birth and end";
    case ProbeMode::full:
      return "and every wait, in batches";
    case ProbeMode::classic:
      break;
  }
  return "the same, one by one";
}

std::string cost_of(const ModeCost& cost, const Rates& rates) {
  if (cost.mode == ProbeMode::census) return "nothing";
  if (!rates.known) return "not known";
  if (cost.cores >= 1) return fmt::format("{:.1f} cores", cost.cores);
  return fmt::format("{:.{}f}% of a core", 100 * cost.cores, cost.cores < 0.01 ? 2 : 1);
}

void print_text(const Observation& seen, const Rates& rates, const std::vector<ModeCost>& modes,
                ProbeMode chosen, uint64_t look_ns) {
  fmt::print("\n{} ({})\n", seen.process().describe(), seen.target().runtime());
  if (rates.known) {
    fmt::print("in the last second: {:.0f} births and ends, at most {:.0f} parks and unparks\n",
               rates.births, rates.waits);
  } else {
    fmt::print("it does not tell how many coroutines it starts and continues\n");
  }
  fmt::print("a look at all of its coroutines takes coroscope {}\n\n", format_ns(look_ns));
  fmt::print("{:<9} {:>10}  {:<18} {}\n", "--probes", "an event", "it would cost it", "tells");
  for (const ModeCost& mode : modes) {
    const std::string event =
        mode.mode == ProbeMode::census ? "-" : fmt::format("{:.0f} ns", mode.event_ns);
    fmt::print("{:<9} {:>10}  {:<18} {}{}\n", name_of(mode.mode), event, cost_of(mode, rates),
               what_it_tells(mode.mode), mode.offered ? "" : " (not offered by this process)");
  }
  fmt::print("\n`coroscope watch {}` takes {}.\n", seen.process().pid(), name_of(chosen));
}

void print_json(const Observation& seen, const Rates& rates, const std::vector<ModeCost>& modes,
                const ProbeCosts& costs, ProbeMode chosen, uint64_t look_ns) {
  nlohmann::ordered_json json = {{"type", "costs"}, {"pid", seen.process().pid()}};
  if (rates.known) {
    json["births_per_s"] = rates.births;
    json["waits_per_s_at_most"] = rates.waits;
  }
  json["look_ns"] = look_ns;
  json["measured_ns"] = {{"birth", costs.birth_ns},
                         {"wait", costs.wait_ns},
                         {"batched", costs.batched_ns},
                         {"written", costs.written_ns}};
  json["chosen"] = name_of(chosen);
  for (const ModeCost& mode : modes) {
    nlohmann::ordered_json row = {{"offered", mode.offered}, {"event_ns", mode.event_ns}};
    if (rates.known) row["cores"] = mode.cores;
    json["probes"][std::string(name_of(mode.mode))] = row;
  }
  fmt::print("{}\n", json.dump());
}

}  // namespace

ExitCode tell_costs(const std::string& text, bool json) {
  const auto pid = parse_pid(text);
  if (!pid) return fail(pid.error());
  auto observation = Observation::open(*pid);
  if (!observation) return fail(observation.error());
  const auto costs = measure_probe_costs();
  if (!costs) return fail(costs.error());
  const Rates rates = rates_of((*observation)->target());
  const uint64_t begun = monotonic_ns();
  if (const auto census = (*observation)->take_census(); !census) return fail(census.error());
  const uint64_t look_ns = monotonic_ns() - begun;
  const auto plan = (*observation)->plan({});
  if (!plan) return fail(plan.error());
  const bool batches = (*observation)->plan({.mode = ProbeMode::full}).ok();
  const auto modes = costs_of_modes(*costs, rates, batches);
  if (json) {
    print_json(**observation, rates, modes, *costs, plan->mode, look_ns);
  } else {
    print_text(**observation, rates, modes, plan->mode, look_ns);
  }
  return exit_ok;
}

}  // namespace coroscope
