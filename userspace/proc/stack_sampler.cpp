// SPDX-License-Identifier: Apache-2.0
#include "proc/stack_sampler.h"

#include <asm/perf_regs.h>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "util/clock.h"
#include "util/fd.h"

namespace coroscope {
namespace {

constexpr size_t most_threads = 64;
constexpr uint64_t period_ns = 1'000'000;  // of processor time
constexpr uint32_t stack_bytes = 32768;    // copied of each stack
constexpr size_t ring_pages = 32;          // a power of two: room for three samples

struct SampledRegister {
  uint8_t perf;
  uint8_t dwarf;
};
#if defined(__x86_64__)
constexpr uint8_t perf_sp = PERF_REG_X86_SP;
constexpr uint8_t perf_pc = PERF_REG_X86_IP;
constexpr std::array<SampledRegister, 6> saved{{{PERF_REG_X86_BX, 3},
                                                {PERF_REG_X86_BP, 6},
                                                {PERF_REG_X86_R12, 12},
                                                {PERF_REG_X86_R13, 13},
                                                {PERF_REG_X86_R14, 14},
                                                {PERF_REG_X86_R15, 15}}};
#elif defined(__aarch64__)
constexpr uint8_t perf_sp = PERF_REG_ARM64_SP;
constexpr uint8_t perf_pc = PERF_REG_ARM64_PC;
constexpr std::array<SampledRegister, 12> saved{{{19, 19},
                                                 {20, 20},
                                                 {21, 21},
                                                 {22, 22},
                                                 {23, 23},
                                                 {24, 24},
                                                 {25, 25},
                                                 {26, 26},
                                                 {27, 27},
                                                 {28, 28},
                                                 {29, 29},
                                                 {30, 30}}};
#endif

constexpr uint64_t register_mask() {
  uint64_t mask = uint64_t{1} << perf_sp | uint64_t{1} << perf_pc;
  for (const SampledRegister& one : saved) mask |= uint64_t{1} << one.perf;
  return mask;
}

// Where a register is in a sample: the kernel gives those of the mask in order.
constexpr size_t place_of(uint8_t perf) {
  return static_cast<size_t>(__builtin_popcountll(register_mask() & ((uint64_t{1} << perf) - 1)));
}

// Ring is the profiler of one thread.
class Ring {
 public:
  static Result<Ring> open(pid_t thread);
  Ring(Ring&& other) noexcept
      : fd_(std::move(other.fd_)), memory_(std::exchange(other.memory_, nullptr)) {}
  Ring& operator=(Ring&&) = delete;
  ~Ring() {
    if (memory_ != nullptr) munmap(memory_, size());
  }

  int fd() const { return fd_.get(); }
  // Takes what is there; true as soon as `look` says so.
  bool take(const std::function<bool(const StackSample&)>& look);

 private:
  Ring(Fd fd, void* memory) : fd_(std::move(fd)), memory_(memory) {}

  static size_t page() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }
  static size_t size() { return (1 + ring_pages) * page(); }

  Fd fd_;
  void* memory_;
  std::vector<std::byte> record_;
};

Result<Ring> Ring::open(pid_t thread) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_CPU_CLOCK;
  attributes.sample_period = period_ns;
  attributes.sample_type = PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
  attributes.sample_regs_user = register_mask();
  attributes.sample_stack_user = stack_bytes;
  attributes.exclude_kernel = 1;
  attributes.wakeup_events = 1;
  Fd fd(static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, thread, -1, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!fd) {
    return Error{ErrorKind::environment, fmt::format("perf_event_open: {}", std::strerror(errno))};
  }
  void* memory = mmap(nullptr, size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) {
    return Error{ErrorKind::environment,
                 fmt::format("the profiler's buffer: {}", std::strerror(errno))};
  }
  return Ring(std::move(fd), memory);
}

// The words of a sample: the kind of registers, these, the size of the stack, that, and
// how much of it was copied.
bool show(std::span<const std::byte> record, const std::function<bool(const StackSample&)>& look) {
  constexpr size_t count = saved.size() + 2;
  const auto word = [&record](size_t number) {
    uint64_t value = 0;
    std::memcpy(&value, record.data() + number * sizeof value, sizeof value);
    return value;
  };
  const size_t words = record.size() / sizeof(uint64_t);
  if (words < count + 3 || word(0) != PERF_SAMPLE_REGS_ABI_64) return false;
  const uint64_t room = word(1 + count);
  if (room > (words - count - 3) * sizeof(uint64_t)) return false;
  const uint64_t copied = word(2 + count + room / sizeof(uint64_t));
  StackSample sample;
  sample.pc = word(1 + place_of(perf_pc));
  sample.sp = word(1 + place_of(perf_sp));
  for (const SampledRegister& one : saved) {
    sample.registers.emplace_back(one.dwarf, word(1 + place_of(one.perf)));
  }
  sample.stack = record.subspan((2 + count) * sizeof(uint64_t), std::min(room, copied));
  return look(sample);
}

bool Ring::take(const std::function<bool(const StackSample&)>& look) {
  auto& header = *static_cast<perf_event_mmap_page*>(memory_);
  const auto* data = static_cast<const std::byte*>(memory_) + page();
  const size_t room = ring_pages * page();
  const uint64_t head = std::atomic_ref(header.data_head).load(std::memory_order_acquire);
  uint64_t tail = header.data_tail;
  bool found = false;
  while (!found && head - tail >= sizeof(perf_event_header)) {
    const auto copy = [&](size_t from, size_t length) {
      record_.resize(length);
      for (size_t i = 0; i < length; ++i) record_[i] = data[(tail + from + i) % room];
    };
    perf_event_header record{};
    copy(0, sizeof record);
    std::memcpy(&record, record_.data(), sizeof record);
    if (record.size < sizeof record || record.size > head - tail) break;
    if (record.type == PERF_RECORD_SAMPLE) {
      copy(sizeof record, record.size - sizeof record);
      found = show(record_, look);
    }
    tail += record.size;
  }
  std::atomic_ref(header.data_tail).store(tail, std::memory_order_release);
  return found;
}

}  // namespace

Result<bool> sample_stacks(const Process& process, uint64_t most_ns,
                           const std::function<bool(const StackSample&)>& look) {
  std::vector<Ring> rings;
  Error refused{ErrorKind::environment, "no thread to sample"};
  for (const pid_t thread : list_numbers(process.proc_path("task"))) {
    if (rings.size() == most_threads) break;
    auto ring = Ring::open(thread);
    if (ring) rings.push_back(std::move(*ring));
    if (!ring) refused = ring.error();
  }
  // By number: they are its threads if it is alive still.
  if (!process.alive()) return process.gone();
  if (rings.empty()) return refused;
  std::vector<pollfd> waiting;
  for (const Ring& ring : rings) waiting.push_back({ring.fd(), POLLIN, 0});
  for (const uint64_t end = monotonic_ns() + most_ns; monotonic_ns() < end;) {
    const auto left = static_cast<int>((end - monotonic_ns()) / 1'000'000) + 1;
    if (poll(waiting.data(), waiting.size(), left) < 0 && errno != EINTR) break;
    for (Ring& ring : rings) {
      if (ring.take(look)) return true;
    }
    for (pollfd& one : waiting) {
      if ((one.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) one.fd = -1;  // it has ended
    }
  }
  return false;
}

}  // namespace coroscope
