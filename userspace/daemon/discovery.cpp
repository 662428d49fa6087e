// SPDX-License-Identifier: Apache-2.0
#include "daemon/discovery.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "proc/memory.h"
#include "proc/modules.h"
#include "targets/target.h"

namespace coroscope::daemon {
namespace {

constexpr uint64_t never = std::numeric_limits<uint64_t>::max();
constexpr uint64_t first_wait_ns = 1'000'000'000;
constexpr uint64_t longest_wait_ns = 300'000'000'000;

// The number of its program's file, which changes with exec; 0 if we may not know.
uint64_t program_of(pid_t pid) {
  struct stat file {};
  if (::stat(fmt::format("/proc/{}/exe", pid).c_str(), &file) != 0) return 0;
  return (static_cast<uint64_t>(file.st_dev) << 40) ^ file.st_ino;
}

uint64_t start_of(pid_t pid) {
  std::string text;
  if (!read_text_file(fmt::format("/proc/{}/stat", pid), &text, 4096)) return 0;
  const auto stat = parse_stat(text);
  return stat ? stat->start_ticks : 0;
}

}  // namespace

bool Discovery::runs_coroutines(pid_t pid, Known& known) const {
  known.not_allowed = false;
  const auto process = Process::open(pid);
  if (!process || process->kernel_thread()) return false;
  const auto memory = ProcessMemory::open(*process);
  if (!memory) {
    known.not_allowed = memory.error().kind == ErrorKind::environment;
    return false;
  }
  const auto modules = list_modules(*process, *memory);
  if (!modules) {
    known.not_allowed = modules.error().kind == ErrorKind::environment;
    return false;
  }
  return has_runtime(*memory, *modules);
}

std::vector<pid_t> Discovery::scan(uint64_t now_ns) {
  ++scans_;
  std::vector<pid_t> found;
  const pid_t self = ::getpid();
  for (const pid_t pid : list_pids()) {
    if (pid == self) continue;
    const uint64_t start = start_of(pid);
    const uint64_t program = program_of(pid);
    Known& known = known_[pid];
    known.scan = scans_;
    if (known.start_ticks != start || known.program != program) {
      known = {.start_ticks = start, .program = program, .scan = scans_};
    }
    if (now_ns < known.next_ns) continue;
    if (runs_coroutines(pid, known)) {
      known.next_ns = never;
      found.push_back(pid);
    } else {
      known.wait_ns = std::clamp(2 * known.wait_ns, first_wait_ns, longest_wait_ns);
      known.next_ns = now_ns + known.wait_ns;
    }
  }
  std::erase_if(known_, [this](const auto& one) { return one.second.scan != scans_; });
  not_allowed_ = static_cast<uint64_t>(std::count_if(
      known_.begin(), known_.end(), [](const auto& one) { return one.second.not_allowed; }));
  return found;
}

void Discovery::again(pid_t pid, uint64_t now_ns, uint64_t wait_ns) {
  const auto found = known_.find(pid);
  if (found != known_.end()) found->second.next_ns = now_ns + wait_ns;
}

}  // namespace coroscope::daemon
