// SPDX-License-Identifier: Apache-2.0
#include "observe/observation.h"

#include <algorithm>

#include "observe/wait_looks.h"

namespace coroscope {

Observation::Observation(Process process, ProcessMemory memory, const JudgeRules& rules)
    : process_(std::move(process)), memory_(std::move(memory)), tracking_(rules) {}

Observation::~Observation() {
  detach();
}

Result<std::unique_ptr<Observation>> Observation::open(pid_t pid, const JudgeRules& rules) {
  auto process = Process::open(pid);
  if (!process) return process.error();
  auto memory = ProcessMemory::open(*process);
  if (!memory) return memory.error();
  std::unique_ptr<Observation> observation(
      new Observation(std::move(*process), std::move(*memory), rules));

  auto symbolizer = Symbolizer::open(observation->process_, observation->memory_);
  if (!symbolizer) return symbolizer.error();
  observation->symbolizer_ = std::move(*symbolizer);
  auto target =
      open_target(observation->process_, observation->memory_, observation->symbolizer_->modules());
  if (!target) return target.error();
  observation->target_ = std::move(*target);
  observation->command_ = observation->process_.command_line();
  observation->workers_ = observation->target_->workers();
  observation->names_ =
      std::make_unique<StackNames>(*observation->symbolizer_, *observation->target_);
  return observation;
}

uint32_t Observation::stacks_wanted() const {
  // Room for the depot to grow; what does not fit is counted, not lost.
  const uint64_t wanted =
      std::max<uint64_t>(WIRE_DEFAULT_STACKS, uint64_t{target_->stacks_now()} * 4);
  return static_cast<uint32_t>(std::min<uint64_t>(wanted, uint64_t{target_->stacks_at_most()} + 1));
}

Result<Census> Observation::take_census() {
  return target_->census([this](const ParkedContext& context) { return names_->intern(context); });
}

Result<void> Observation::attach(std::shared_ptr<KernelCounters> kernel) {
  auto slot = kernel->add_target(stacks_wanted());
  if (!slot) return slot.error();
  slot_ = *slot;
  if (auto attached =
          kernel->attach(slot_, process_, {target_->probe_path(), target_->probe_provider()});
      !attached) {
    return attached;
  }
  kernel_ = std::move(kernel);
  kernel_->start_counting(slot_);
  // Without stacks first: the shorter the window, the less has to be noted in it.
  auto census = target_->census({});
  auto window = kernel_->close_window(slot_);
  if (!census) return census.error();
  if (!window) return window.error();
  baseline_ = settle_baseline(*census, *window);
  losses_.census = census->losses;
  return tick();
}

void Observation::add_losses(Losses& losses) const {
  losses.census = losses_.census;
  losses.latest = losses_.latest;
  losses.unaccounted = losses_.unaccounted;
  losses.unaccounted_parks = losses_.unaccounted_parks;
  losses.members_dropped = losses_.members_dropped;
}

Account Observation::balance_now() const {
  Losses known;
  known.stacks_lost = target_->stacks_lost();
  add_losses(known);
  return balance(baseline_, kernel_->read(slot_), known);
}

Account Observation::account() const {
  return kernel_ ? balance_now() : account_;
}

void Observation::follow_running(const Census& census) {
  const auto stat = process_.stat();
  const bool stopped = !stat || stat->state == 'T' || stat->state == 't';
  running_.check(census, stopped);
  busy_stacks_.take(process_, *target_, *names_, running_.overdue());
}

void Observation::follow(Census& census) {
  if (labels_) labels_->add_to(census, *target_);
  tracking_.add(census, process_began_ns());
  waits_.check(look_at_waits(*target_, census, [this] { return thread_waits(process_); }));
  follow_running(census);
  if (first_census_ns_ == 0) first_census_ns_ = census.ended_ns;
  last_census_ns_ = census.ended_ns;
  stacks_unread_ = census.stacks_unread;
  stacks_cut_ = census.stacks_cut;
  annotated_ = census.annotated;
}

Result<void> Observation::tick() {
  const Account before = balance_now();
  auto census = take_census();
  account_ = balance_now();
  if (!census) {
    gone_ = census.error().kind == ErrorKind::target_gone;
    return census.error();
  }
  // What is missing stays missing: the largest difference ever seen counts.
  const Audit unexplained = audit(before, *census, account_);
  losses_.unaccounted = std::max(losses_.unaccounted, unexplained.live);
  losses_.unaccounted_parks = std::max(losses_.unaccounted_parks, unexplained.parked);
  losses_.latest = census->losses;
  follow(*census);
  losses_.members_dropped = tracking_.by(Grouping::by_place).members_dropped();
  add_losses(account_.losses);
  return {};
}

void Observation::close_account() {
  if (kernel_) account_ = balance_now();
}

void Observation::detach() {
  if (!kernel_) return;
  close_account();
  kernel_->detach(slot_);
  kernel_.reset();
}

}  // namespace coroscope
