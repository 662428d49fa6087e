// SPDX-License-Identifier: Apache-2.0
#include "daemon/watched.h"

#include <algorithm>

#include "util/clock.h"

namespace coroscope::daemon {
namespace {

// Names are kept for so many stacks; then all are asked for anew.
constexpr size_t most_names = 4096;

StackCounters& operator+=(StackCounters& sum, const StackCounters& more) {
  sum.spawned += more.spawned;
  sum.exited += more.exited;
  sum.parks += more.parks;
  sum.unparks += more.unparks;
  sum.live += more.live;
  sum.parked += more.parked;
  sum.parked_ns += more.parked_ns;
  for (size_t i = 0; i < sum.park_ns_log2.size(); ++i) sum.park_ns_log2[i] += more.park_ns_log2[i];
  return sum;
}

std::string build_id_of(const std::vector<Module>& modules) {
  for (const Module& module : modules) {
    if (module.main_executable) return hex(module.build_id);
  }
  return "";
}

// The `most` rows of which `key` is greatest, those that were told of the last time before
// others that are about the same: series that come and go are of no use to anybody.
template <typename Key>
void choose(const std::vector<StackBalance>& rows, size_t most, const std::set<SpawnStack>& told,
            Key key, std::set<SpawnStack>& chosen) {
  std::vector<std::pair<double, SpawnStack>> ranked;
  for (const StackBalance& row : rows) {
    const auto value = static_cast<double>(key(row));
    if (value > 0 && row.spawn_stack != 0) {
      ranked.emplace_back(told.contains(row.spawn_stack) ? value * 1.5 : value, row.spawn_stack);
    }
  }
  const size_t count = std::min(most, ranked.size());
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<ptrdiff_t>(count), ranked.end(),
                    std::greater<>());
  for (size_t i = 0; i < count; ++i) chosen.insert(ranked[i].second);
}

// Half of them because they are many, half because they have become more.
std::set<SpawnStack> choose_stacks(const std::vector<StackBalance>& rows, size_t most,
                                   const std::set<SpawnStack>& told) {
  std::set<SpawnStack> chosen;
  choose(
      rows, most / 2, told, [](const StackBalance& row) { return row.live - row.baseline; },
      chosen);
  choose(
      rows, most - chosen.size(), told, [](const StackBalance& row) { return row.live; }, chosen);
  return chosen;
}

}  // namespace

Result<std::unique_ptr<Watched>> Watched::attach(pid_t pid, const ProcessFacts& facts,
                                                 const Config& config, const MatchRule* rule,
                                                 const std::vector<IgnoreRule>& ignored,
                                                 std::shared_ptr<KernelCounters> kernel) {
  auto opened = Observation::open(pid, {.false_alarms_a_day = config.false_alarms_a_day});
  if (!opened) return opened.error();
  std::unique_ptr<Watched> watched(new Watched(std::move(*opened)));
  Observation& observation = *watched->observation_;
  observation.ignore(ignored);
  const ProbeWish wish{rule != nullptr && rule->probes ? rule->probes : config.probes,
                       config.sample};
  auto plan = observation.plan(wish);
  if (!plan) return plan.error();
  if (plan->mode == ProbeMode::census) kernel.reset();
  if (auto attached = observation.attach(*plan, std::move(kernel)); !attached) {
    return attached.error();
  }
  watched->facts_ = facts;
  watched->service_ = service_of(facts, rule == nullptr ? "" : rule->service);
  watched->build_id_ = build_id_of(observation.modules());
  watched->attached_unix_ns_ = unix_ns();
  watched->censuses_ = 1;
  return watched;
}

Result<void> Watched::look(double share) {
  const bool census = observation_->affords_tick(share);
  ++(census ? censuses_ : glances_);
  return census ? observation_->tick() : observation_->glance();
}

const Watched::Named& Watched::name_of(SpawnStack stack) {
  if (names_.size() >= most_names) names_.clear();
  auto [found, added] = names_.try_emplace(stack);
  if (added) {
    found->second.frames = observation_->names().spawn_frames(stack);
    found->second.id = stack_id(found->second.frames);
  }
  return found->second;
}

void Watched::add_stacks(const Account& account, size_t most, ProcessView& view) {
  const std::set<SpawnStack> chosen = choose_stacks(account.stacks, most, told_);
  std::map<std::string, size_t> places;  // two stacks may have the same names
  for (const StackBalance& row : account.stacks) {
    view.events += row.events;
    StackView* into = &view.other_stacks;
    if (chosen.contains(row.spawn_stack)) {
      const Named& named = name_of(row.spawn_stack);
      const auto [place, added] = places.emplace(named.id, view.stacks.size());
      if (added) view.stacks.push_back({named.id, named.frames, {}, 0, 0});
      into = &view.stacks[place->second];
    }
    into->events += row.events;
    into->live += row.live;
    into->baseline += row.baseline;
  }
  view.other_stacks.id = "other";
  told_ = chosen;
}

void Watched::add_states(ProcessView& view) const {
  std::map<std::pair<Activity, Reason>, uint64_t> counts;
  for (const Population& one : observation_->tracking().by(Grouping::by_place).all()) {
    if (one.live > 0) counts[{one.key.activity, one.key.reason}] += one.live;
  }
  for (const auto& [key, count] : counts) {
    const auto [activity, reason] = key;
    view.states.push_back(
        {activity,
         activity == Activity::parked ? observation_->target().reason_name(reason) : std::string(),
         count});
  }
}

std::shared_ptr<const ProcessView> Watched::view(const Config& config) {
  auto view = std::make_shared<ProcessView>();
  view->pid = process().pid();
  view->inner_pid = process().inner_pid();
  view->start_ticks = process().start_ticks();
  view->service = service_;
  view->facts = facts_;
  view->build_id = build_id_;
  view->attached_unix_ns = attached_unix_ns_;
  view->looked_unix_ns = unix_ns();
  view->censuses = censuses_;
  view->glances = glances_;
  view->report =
      observation_->report({.patience_ns = config.patience_ns, .floor = config.completeness});
  add_stacks(view->report.account, config.top_stacks, *view);
  // They are as many as the target likes, and told.
  view->report.account.stacks.clear();
  add_states(*view);
  view->schedulers = observation_->target().schedulers();
  return view;
}

}  // namespace coroscope::daemon
