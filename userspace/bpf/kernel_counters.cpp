// SPDX-License-Identifier: Apache-2.0
#include "bpf/kernel_counters.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <numeric>

#include "bpf/attach.h"
#include "bpf/bpf_errors.h"
#include "bpf/counter_array.h"
#include "bpf/libbpf_log.h"
#include "bpf/links.h"
#include "bpf/map_view.h"
#include "bpf/uprobe_multi.h"
#include "bpf/window_map.h"
#include "coroscope.skel.h"

namespace coroscope {
namespace {

struct SkeletonDeleter {
  void operator()(coroscope_bpf* skeleton) const { coroscope_bpf__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<coroscope_bpf, SkeletonDeleter>;

StackCounters counters_of(const wire_stack_counters& counted) {
  StackCounters counters;
  counters.spawned = counted.spawned;
  counters.exited = counted.exited;
  counters.parks = counted.parks;
  counters.parked_ns = counted.parked_ns;
  std::copy(std::begin(counted.park_ns_log2), std::end(counted.park_ns_log2),
            counters.park_ns_log2.begin());
  for (const uint64_t bucket : counted.park_ns_log2) counters.unparks += bucket;
  counters.live = static_cast<int64_t>(counted.spawned - counted.exited);
  counters.parked = static_cast<int64_t>(counted.parks - counters.unparks);
  return counters;
}

// A wait of less than 1 ns leaves but its bucket.
bool is_untouched(const wire_stack_counters& counted) {
  return (counted.spawned | counted.exited | counted.parks | counted.parked_ns |
          counted.park_ns_log2[0]) == 0;
}

// Arrays that wait for a target, of 720 KB each: as many as may well end at once.
constexpr ptrdiff_t most_kept = 64;

struct TargetSlot {
  bool taken = false;
  TargetPlan plan;
  CounterArray stacks;         // may stay for the next target
  CounterArray parked_stacks;  // if asked for
  Links links;
};

}  // namespace

struct KernelCounters::State {
  Skeleton skeleton;
  Sizes sizes;
  MapView targets;
  MapView losses;
  std::vector<TargetSlot> slots;

  bool shared_program = false;  // one program may have all probes of a target

  std::vector<ProbeProgram> probes_of(const TargetPlan& plan) const;

  Result<void> map_arrays();
  uint64_t missed_runs() const;
  uint32_t free_slot() const;
  // Of a slot that is not taken any more.
  void put_aside(CounterArray& array) const;
  Result<void> make_arrays(TargetSlot& target, uint32_t slot, const TargetPlan& plan) const;

  wire_target& target(uint32_t slot) const { return targets.as<wire_target>()[slot]; }
  void set_mode(uint32_t slot, uint32_t mode) const {
    std::atomic_ref(target(slot).mode).store(mode, std::memory_order_seq_cst);
  }
};

// In the order in which nothing is missed: whatever is seen to begin has to be seen to end
// as well. Parked stacks first: the events of a batch name them.
std::vector<ProbeProgram> KernelCounters::State::probes_of(const TargetPlan& plan) const {
  const auto& programs = skeleton->progs;
  const ProbeProgram exit{WIRE_PROBE_EXIT, "exit", programs.on_coro_exit};
  const ProbeProgram spawn{WIRE_PROBE_SPAWN, "spawn", programs.on_coro_spawn};
  const ProbeProgram unpark{WIRE_PROBE_UNPARK, "unpark", programs.on_coro_unpark};
  const ProbeProgram park{WIRE_PROBE_PARK, "park", programs.on_coro_park};
  if (plan.mode == ProbeMode::births) return {exit, spawn};
  if (plan.mode == ProbeMode::classic) return {exit, unpark, park, spawn};
  std::vector<ProbeProgram> probes;
  if (plan.parked_stacks) {
    probes.push_back({WIRE_PROBE_PARKED_STACK, "parked_stack", programs.on_coro_parked_stack});
  }
  probes.push_back({WIRE_PROBE_FLUSH, "flush", programs.on_coro_flush});
  return probes;
}

Result<void> KernelCounters::State::map_arrays() {
  auto open = [](MapView& view, bpf_map* map) -> Result<void> {
    auto opened = MapView::open(bpf_map__fd(map),
                                size_t{bpf_map__max_entries(map)} * bpf_map__value_size(map),
                                bpf_map__name(map));
    if (!opened) return opened.error();
    view = std::move(*opened);
    return {};
  };
  if (auto done = open(targets, skeleton->maps.targets); !done) return done;
  return open(losses, skeleton->maps.losses);
}

uint64_t KernelCounters::State::missed_runs() const {
  const auto& programs = skeleton->progs;
  uint64_t missed = 0;
  for (const bpf_program* program :
       {programs.on_coro_spawn, programs.on_coro_park, programs.on_coro_unpark,
        programs.on_coro_exit, programs.on_coro_flush, programs.on_coro_probe}) {
    if (bpf_program__fd(program) < 0) continue;
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0) {
      missed += info.recursion_misses;
    }
  }
  return missed;
}

KernelCounters::KernelCounters(std::unique_ptr<State> state) : state_(std::move(state)) {}
KernelCounters::KernelCounters(KernelCounters&&) noexcept = default;
KernelCounters& KernelCounters::operator=(KernelCounters&&) noexcept = default;
KernelCounters::~KernelCounters() = default;

Result<KernelCounters> KernelCounters::load(const Sizes& sizes) {
  const LibbpfLog log;
  auto state = std::make_unique<State>();
  state->sizes = sizes;
  state->skeleton.reset(coroscope_bpf__open());
  if (!state->skeleton) return load_error(errno, log.last_warning());
  bpf_map__set_max_entries(state->skeleton->maps.windows, sizes.window);
  bpf_map__set_max_entries(state->skeleton->maps.workers, sizes.workers);
  state->shared_program = sizes.shared_program && uprobe_multi_works();
  if (state->shared_program) load_as_uprobe_multi(state->skeleton->progs.on_coro_probe);
  if (const int failed = coroscope_bpf__load(state->skeleton.get()); failed != 0) {
    return load_error(-failed, log.last_warning());
  }
  if (auto mapped = state->map_arrays(); !mapped) return mapped.error();
  return KernelCounters(std::move(state));
}

uint32_t KernelCounters::State::free_slot() const {
  const auto found =
      std::find_if(slots.begin(), slots.end(), [](const TargetSlot& slot) { return !slot.taken; });
  return static_cast<uint32_t>(found - slots.begin());
}

Result<void> KernelCounters::State::make_arrays(TargetSlot& target, uint32_t slot,
                                                const TargetPlan& plan) const {
  const auto make = [&](CounterArray& array, const bpf_map* outer, const char* name,
                        size_t record_bytes) -> Result<void> {
    if (array) return array.grow(plan.stacks);
    auto made = CounterArray::create(bpf_map__fd(outer), slot, name, record_bytes, plan.stacks);
    if (!made) return made.error();
    array = std::move(*made);
    return {};
  };
  const auto& maps = skeleton->maps;
  auto made = make(target.stacks, maps.stack_counters, "stacks", sizeof(wire_stack_counters));
  if (!made || !plan.parked_stacks) return made;
  return make(target.parked_stacks, maps.park_counters, "parked_stacks",
              sizeof(wire_park_counters));
}

Result<uint32_t> KernelCounters::add_target(const TargetPlan& plan) {
  const uint32_t slot = state_->free_slot();
  if (slot >= WIRE_MAX_TARGETS) {
    return Error{
        ErrorKind::usage,
        fmt::format("too many processes: one coroscope watches at most {}", WIRE_MAX_TARGETS)};
  }
  if (slot == state_->slots.size()) state_->slots.emplace_back();
  TargetSlot& target = state_->slots[slot];
  if (auto made = state_->make_arrays(target, slot, plan); !made) return made.error();
  target.plan = plan;
  target.taken = true;
  state_->target(slot) = {.mode = 0,
                          .sample = plan.sample,
                          .since_ns = 0,
                          .until_ns = std::numeric_limits<uint64_t>::max(),
                          .reserved = 0};
  return slot;
}

Result<void> KernelCounters::attach(uint32_t slot, const Process& process, const ProbeFile& file) {
  TargetSlot& target = state_->slots.at(slot);
  auto links =
      attach_probes(state_->probes_of(target.plan),
                    state_->shared_program ? state_->skeleton->progs.on_coro_probe : nullptr, slot,
                    process, file);
  if (!links) return links.error();
  // The process number was ours all along if the process is still there now.
  if (!process.alive()) return process.gone();
  target.links = std::move(*links);
  return {};
}

void KernelCounters::begin_worker(uint32_t slot, uint64_t worker, uint64_t flushed,
                                  uint64_t written) {
  const wire_worker_key key{worker, slot, 0};
  const auto value = std::make_unique<wire_worker>();
  value->next = value->done = flushed;
  // A batch may have passed the probe before it was attached, and not be known as flushed yet.
  value->begun = written;
  // One that has handed over since the attach is known already.
  bpf_map_update_elem(bpf_map__fd(state_->skeleton->maps.workers), &key, value.get(), BPF_NOEXIST);
}

void KernelCounters::start_counting(uint32_t slot, uint64_t since_ns) {
  wire_target& target = state_->target(slot);
  std::atomic_ref(target.since_ns).store(since_ns, std::memory_order_seq_cst);
  note_until(slot, std::numeric_limits<uint64_t>::max());
  state_->set_mode(slot, (target.mode & WIRE_MODE_AGAIN) | WIRE_MODE_COUNTING | WIRE_MODE_WINDOW);
}

void KernelCounters::stop_counting(uint32_t slot) {
  state_->set_mode(slot, WIRE_MODE_AGAIN);
}

void KernelCounters::note_until(uint32_t slot, uint64_t until_ns) {
  std::atomic_ref(state_->target(slot).until_ns).store(until_ns, std::memory_order_seq_cst);
}

void KernelCounters::close_window(uint32_t slot) {
  const uint32_t mode = state_->target(slot).mode;
  state_->set_mode(slot, mode & ~WIRE_MODE_WINDOW);
}

Result<Noted> KernelCounters::take_noted(uint32_t slot) {
  return take_window(bpf_map__fd(state_->skeleton->maps.windows), state_->sizes.window, slot);
}

WorkerMarks KernelCounters::marks(uint32_t slot, const std::vector<uint64_t>& workers) const {
  WorkerMarks marks;
  const auto value = std::make_unique<wire_worker>();
  const int fd = bpf_map__fd(state_->skeleton->maps.workers);
  for (const uint64_t worker : workers) {
    const wire_worker_key key{worker, slot, 0};
    if (bpf_map_lookup_elem(fd, &key, value.get()) != 0) continue;
    marks[worker] = {value->next, value->done, value->noted};
  }
  return marks;
}

void KernelCounters::forget_workers(uint32_t slot, const std::vector<uint64_t>& workers,
                                    uint64_t highest) {
  const int fd = bpf_map__fd(state_->skeleton->maps.workers);
  wire_worker_key key{};
  wire_worker_key* previous = nullptr;
  std::vector<wire_worker_key> ended;
  // A bound, since others come and go meanwhile, and a key that is gone begins anew.
  for (uint32_t i = 0; i < 2 * state_->sizes.workers; ++i) {
    if (bpf_map_get_next_key(fd, previous, &key) != 0) break;
    previous = &key;
    const bool there = std::find(workers.begin(), workers.end(), key.number) != workers.end();
    if (key.target == slot && key.number <= highest && !there) ended.push_back(key);
  }
  for (const wire_worker_key& gone : ended) bpf_map_delete_elem(fd, &gone);
}

Result<void> KernelCounters::grow(uint32_t slot, uint32_t stacks) {
  TargetSlot& target = state_->slots.at(slot);
  if (auto grown = target.stacks.grow(stacks); !grown) return grown;
  return target.parked_stacks ? target.parked_stacks.grow(stacks) : Result<void>{};
}

uint32_t KernelCounters::stacks(uint32_t slot) const {
  return state_->slots.at(slot).stacks.records();
}

Counters KernelCounters::read(uint32_t slot) const {
  const TargetSlot& target = state_->slots.at(slot);
  Counters counters;
  counters.room = target.stacks.records();
  uint32_t used = counters.room;
  while (used > 0 && is_untouched(target.stacks.at<wire_stack_counters>(used - 1))) --used;
  counters.by_stack.reserve(used);
  for (uint32_t stack = 0; stack < used; ++stack) {
    counters.by_stack.push_back(counters_of(target.stacks.at<wire_stack_counters>(stack)));
  }
  counters.by_parked_stack = target.parked_stacks.copy<wire_park_counters>();
  counters.losses = state_->losses.as<wire_losses>()[slot];
  counters.missed_runs = state_->missed_runs();
  return counters;
}

uint64_t KernelCounters::events_lost(uint32_t slot) const {
  const auto& lost = state_->losses.as<wire_losses>()[slot].by_cause;
  return lost[WIRE_LOSS_ARGUMENT] + lost[WIRE_LOSS_BATCH_UNREAD] + lost[WIRE_LOSS_BATCH_MISSED] +
         lost[WIRE_LOSS_WORKER] + lost[WIRE_LOSS_WINDOW_FULL] + state_->missed_runs();
}

// All links at once: the kernel takes as long for many as for one.
void KernelCounters::take_out(const std::vector<uint32_t>& slots) {
  Links all;
  for (const uint32_t slot : slots) all.add(std::move(state_->slots.at(slot).links));
  all.remove();
}

void KernelCounters::end() {
  std::vector<uint32_t> slots(state_->slots.size());
  std::iota(slots.begin(), slots.end(), 0);
  take_out(slots);
  ending_ = true;
}

void KernelCounters::State::put_aside(CounterArray& array) const {
  const auto kept = std::ranges::count_if(
      slots, [](const TargetSlot& slot) { return !slot.taken && slot.stacks; });
  if (kept > most_kept) {
    array.remove();
  } else {
    array.reset(WIRE_DEFAULT_STACKS);
  }
}

// Once the links are gone, no program runs for it any more: the kernel has waited for those that
// did. What they left is taken away, or the next one in the slot would find it.
void KernelCounters::remove_target(uint32_t slot) {
  TargetSlot& target = state_->slots.at(slot);
  target.links.remove();
  state_->set_mode(slot, 0);
  target.taken = false;
  if (ending_) return;
  state_->put_aside(target.stacks);
  target.parked_stacks.remove();
  forget_workers(slot, {}, std::numeric_limits<uint64_t>::max());
  static_cast<void>(take_noted(slot));
  state_->losses.as<wire_losses>()[slot] = {};
}

}  // namespace coroscope
