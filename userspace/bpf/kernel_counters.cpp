// SPDX-License-Identifier: Apache-2.0
#include "bpf/kernel_counters.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "bpf/libbpf_log.h"
#include "bpf/map_view.h"
#include "bpf/window_event.h"
#include "coroscope.skel.h"

namespace coroscope {
namespace {

struct SkeletonDeleter {
  void operator()(coroscope_bpf* skeleton) const { coroscope_bpf__destroy(skeleton); }
};
struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Skeleton = std::unique_ptr<coroscope_bpf, SkeletonDeleter>;
using Link = std::unique_ptr<bpf_link, LinkDeleter>;

struct TargetSlot {
  uint32_t first_stack = 0;
  uint32_t stacks = 0;
  std::vector<Link> links;
};

Error load_error(int code, const std::string& warning) {
  std::string hint = "run `coroscope doctor` to see what this host allows";
  if (code == EPERM || code == EACCES) {
    hint = "run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE";
  } else if (code == ENOSYS) {
    hint = "this kernel was built without BPF";
  }
  return {ErrorKind::environment,
          fmt::format("cannot load the BPF programs: {}{}{}; {}", std::strerror(code),
                      warning.empty() ? "" : ": ", warning, hint)};
}

Error attach_error(int code, const Process& process, const ProbeFile& file, const char* probe,
                   const std::string& warning) {
  const std::string what =
      fmt::format("cannot attach to probe {}:{} of {}", file.provider, probe, process.describe());
  if (process.ending()) return process.gone();
  if (code == EPERM || code == EACCES) {
    return {ErrorKind::environment,
            fmt::format("{}: {}; run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE",
                        what, std::strerror(code))};
  }
  if (code == ENOENT) {
    return {ErrorKind::target_bad,
            fmt::format("{}: {} has no such probe; was it built with CORO_PROBES=OFF?", what,
                        file.path)};
  }
  return {ErrorKind::environment,
          fmt::format("{}: {}{}{}; run `coroscope doctor` to see what this host allows", what,
                      std::strerror(code), warning.empty() ? "" : ": ", warning)};
}

// Reads all entries of a hash in batches. The bound on rounds ends a read that
// other targets' events keep extending.
Result<std::vector<std::pair<wire_window_key, wire_window_entry>>> read_hash(int fd,
                                                                             uint32_t max_entries) {
  std::vector<std::pair<wire_window_key, wire_window_entry>> entries;
  std::vector<wire_window_key> keys(std::min(max_entries, 4096u));
  std::vector<wire_window_entry> values(keys.size());
  uint64_t position = 0;
  for (uint32_t rounds = 0; rounds <= 2 * max_entries; ++rounds) {
    auto count = static_cast<uint32_t>(keys.size());
    const int failed = bpf_map_lookup_batch(fd, rounds ? &position : nullptr, &position,
                                            keys.data(), values.data(), &count, nullptr);
    const int code = failed ? errno : 0;
    if (code == ENOSPC && keys.size() < max_entries) {  // a bucket larger than the buffer
      keys.resize(std::min<size_t>(keys.size() * 2, max_entries));
      values.resize(keys.size());
      continue;
    }
    if (code && code != ENOENT) {
      return Error{ErrorKind::environment,
                   fmt::format("cannot read the BPF map of the attach window: {}; batched map "
                               "reads need Linux 5.6",
                               std::strerror(code))};
    }
    for (uint32_t i = 0; i < count; ++i) entries.emplace_back(keys[i], values[i]);
    if (code == ENOENT) break;
  }
  return entries;
}

}  // namespace

struct KernelCounters::State {
  Skeleton skeleton;
  Sizes sizes;
  MapView targets;
  MapView counters;
  MapView losses;
  std::vector<TargetSlot> slots;
  uint32_t stacks_used = 0;

  struct Probe {
    const char* name;
    bpf_program* program;
  };
  // The order in which nothing is missed: whatever is seen to begin has to be
  // seen to end as well.
  std::array<Probe, 4> probes_in_order() const {
    return {{{"exit", skeleton->progs.on_coro_exit},
             {"unpark", skeleton->progs.on_coro_unpark},
             {"park", skeleton->progs.on_coro_park},
             {"spawn", skeleton->progs.on_coro_spawn}}};
  }

  Result<void> map_arrays();
  uint64_t missed_runs() const;
};

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
  if (auto done = open(counters, skeleton->maps.stack_counters); !done) return done;
  return open(losses, skeleton->maps.losses);
}

uint64_t KernelCounters::State::missed_runs() const {
  uint64_t missed = 0;
  for (const Probe& probe : probes_in_order()) {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(bpf_program__fd(probe.program), &info, &size) == 0) {
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
  bpf_map__set_max_entries(state->skeleton->maps.stack_counters, sizes.stacks);
  bpf_map__set_max_entries(state->skeleton->maps.windows, sizes.window);
  if (const int failed = coroscope_bpf__load(state->skeleton.get()); failed != 0) {
    return load_error(-failed, log.last_warning());
  }
  if (auto mapped = state->map_arrays(); !mapped) return mapped.error();
  return KernelCounters(std::move(state));
}

Result<uint32_t> KernelCounters::add_target(uint32_t stacks) {
  if (state_->slots.size() >= WIRE_MAX_TARGETS) {
    return Error{
        ErrorKind::usage,
        fmt::format("too many processes: one coroscope watches at most {}", WIRE_MAX_TARGETS)};
  }
  if (stacks > state_->sizes.stacks - state_->stacks_used) {
    return Error{ErrorKind::environment, "no room left in the BPF map of stacks"};
  }
  const auto slot = static_cast<uint32_t>(state_->slots.size());
  state_->slots.push_back({state_->stacks_used, stacks, {}});
  state_->targets.as<wire_target>()[slot] = {state_->stacks_used, stacks, 0, 0};
  state_->stacks_used += stacks;
  return slot;
}

Result<void> KernelCounters::attach(uint32_t slot, const Process& process, const ProbeFile& file) {
  const LibbpfLog log;
  TargetSlot& target = state_->slots.at(slot);
  for (const State::Probe& probe : state_->probes_in_order()) {
    LIBBPF_OPTS(bpf_usdt_opts, options, .usdt_cookie = slot);
    Link link(bpf_program__attach_usdt(probe.program, process.pid(), file.path.c_str(),
                                       file.provider.c_str(), probe.name, &options));
    if (!link) {
      const int code = errno;
      target.links.clear();
      return attach_error(code, process, file, probe.name, log.last_warning());
    }
    target.links.push_back(std::move(link));
  }
  // The process number was ours all along if the process is still there now.
  if (!process.alive()) {
    target.links.clear();
    return process.gone();
  }
  return {};
}

void KernelCounters::start_counting(uint32_t slot) {
  wire_target& target = state_->targets.as<wire_target>()[slot];
  std::atomic_ref(target.mode)
      .store(WIRE_MODE_COUNTING | WIRE_MODE_WINDOW, std::memory_order_seq_cst);
}

Result<std::vector<WindowEvent>> KernelCounters::close_window(uint32_t slot) {
  wire_target& target = state_->targets.as<wire_target>()[slot];
  std::atomic_ref(target.mode).store(WIRE_MODE_COUNTING, std::memory_order_seq_cst);

  const int fd = bpf_map__fd(state_->skeleton->maps.windows);
  auto entries = read_hash(fd, state_->sizes.window);
  if (!entries) return entries.error();
  std::vector<WindowEvent> events;
  std::vector<wire_window_key> done;
  for (const auto& [key, entry] : *entries) {
    if (key.target != slot) continue;
    events.push_back({key.id, seen_of(entry), entry.stack_id});
    done.push_back(key);
  }
  auto count = static_cast<uint32_t>(done.size());
  if (count > 0) bpf_map_delete_batch(fd, done.data(), &count, nullptr);
  return events;
}

Counters KernelCounters::read(uint32_t slot) const {
  const TargetSlot& target = state_->slots.at(slot);
  const wire_stack_counters* first =
      state_->counters.as<wire_stack_counters>() + target.first_stack;
  Counters counters;
  counters.by_stack.resize(target.stacks);
  std::memcpy(counters.by_stack.data(), first, target.stacks * sizeof *first);
  counters.losses = state_->losses.as<wire_losses>()[slot];
  counters.missed_runs = state_->missed_runs();
  return counters;
}

void KernelCounters::detach(uint32_t slot) {
  state_->slots.at(slot).links.clear();
}

}  // namespace coroscope
