// SPDX-License-Identifier: Apache-2.0
#include "dying_seed.h"

#include <signal.h>
#include <stdlib.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <mutex>

#include "sanitizer.h"
#include "text_writer.h"

// In every sanitizer's library, if the program has one. (If it has two, it is that of
// the first.)
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

namespace coro::testing {

struct RunningSeed::Slot {
  std::atomic<bool> taken{false};
  std::atomic<bool> running{false};  // and nobody was told
  std::atomic<std::uint64_t> seed{0};
};

// As many threads may explore at once.
constinit RunningSeed::Slot RunningSeed::slots[16];

RunningSeed::RunningSeed(std::uint64_t seed) noexcept {
  for (Slot& slot : slots) {
    if (slot.taken.exchange(true, std::memory_order_acquire)) continue;
    slot.seed.store(seed, std::memory_order_relaxed);
    slot.running.store(true, std::memory_order_release);
    slot_ = &slot;
    return;
  }
}

RunningSeed::~RunningSeed() {
  if (slot_ == nullptr) return;
  slot_->running.store(false, std::memory_order_relaxed);
  slot_->taken.store(false, std::memory_order_release);
}

void report_running_seeds() noexcept {
  detail::TextWriter out(2);
  for (RunningSeed::Slot& slot : RunningSeed::slots) {
    if (!slot.running.exchange(false, std::memory_order_acquire)) continue;
    const std::uint64_t seed = slot.seed.load(std::memory_order_relaxed);
    out << "coro: the process died while seed " << seed
        << " ran.\nTo run it alone, set CORO_SEED=" << seed << " in the environment.\n";
  }
}

namespace {

struct Watched {
  int signal;
  // False: only if nobody handles it, who might live on; it ends a run that hangs.
  bool always;
  bool watching = false;  // ours is the handler, or what that calls as its former
  struct sigaction former {};
};
Watched watched[] = {{SIGABRT, true}, {SIGSEGV, true}, {SIGBUS, true},
                     {SIGILL, true},  {SIGFPE, true},  {SIGTRAP, true},
                     {SIGSYS, true},  {SIGINT, false}, {SIGTERM, false}};

bool watching_terminate = false;
std::atomic<std::terminate_handler> former_terminate{nullptr};

std::mutex reporters_mutex;
unsigned reporters = 0;

// A fault happens again when the handler returns; everything else has to be sent
// again.
bool happens_again(int signal, const siginfo_t& info) noexcept {
  const bool fault = signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE;
  return fault && info.si_code > 0;
}

void on_signal(int signal, siginfo_t* info, void*) {
  const int saved_errno = errno;
  report_running_seeds();
  for (const Watched& one : watched) {
    if (one.signal == signal) sigaction(signal, &one.former, nullptr);
  }
  if (!happens_again(signal, *info)) raise(signal);  // it is blocked until this returns
  errno = saved_errno;
}

[[noreturn]] void on_terminate() {
  report_running_seeds();
  if (const std::terminate_handler former = former_terminate.load()) former();
  abort();
}

bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == &on_signal;
}

// Who set a handler while we watched may call ours, which must not then call that.
void watch(Watched& one) noexcept {
  struct sigaction current {};
  sigaction(one.signal, nullptr, &current);
  const bool handled = current.sa_handler != SIG_DFL && current.sa_handler != SIG_IGN;
  if (one.watching && handled) return;
  one.former = current;
  // ThreadSanitizer lets a handler of such a signal wait until the program calls
  // into the C library, which one that hangs may never do.
  if (!one.always && (current.sa_handler != SIG_DFL || CORO_TSAN)) return;
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  one.watching = sigaction(one.signal, &action, nullptr) == 0;
}

void unwatch(Watched& one) noexcept {
  struct sigaction current {};
  if (!one.watching || sigaction(one.signal, nullptr, &current) != 0 || !is_ours(current)) return;
  sigaction(one.signal, &one.former, nullptr);
  one.watching = false;
}

void watch_terminate() noexcept {
  if (watching_terminate) return;
  former_terminate = std::set_terminate(&on_terminate);
  watching_terminate = true;
}

void unwatch_terminate() noexcept {
  if (std::get_terminate() != &on_terminate) return;
  std::set_terminate(former_terminate);
  watching_terminate = false;
}

void set_death_callback(void (*callback)()) noexcept {
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(callback);
}

}  // namespace

DyingSeedReporter::DyingSeedReporter() {
  const std::lock_guard guard(reporters_mutex);
  if (reporters++ != 0) return;
  for (Watched& one : watched) watch(one);
  watch_terminate();
  set_death_callback(&report_running_seeds);
}

DyingSeedReporter::~DyingSeedReporter() {
  const std::lock_guard guard(reporters_mutex);
  if (--reporters != 0) return;
  set_death_callback(nullptr);
  unwatch_terminate();
  for (Watched& one : watched) unwatch(one);
}

}  // namespace coro::testing
