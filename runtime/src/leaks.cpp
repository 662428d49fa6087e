// SPDX-License-Identifier: Apache-2.0
#include "leaks.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>
#include <utility>

#include "coro/error.h"
#include "coro/testing/leaks.h"
#include "debug_list.h"
#include "scheduler_core.h"

namespace coro::testing {

class LeakWatch::State {
 public:
  explicit State(LeakOptions options) : options_(std::move(options)) {
    for (const debug::Coroutine& coroutine : debug::coroutines()) before_.insert(coroutine.id);
  }

  // Takes away what is not its business.
  void keep_leaks(std::vector<debug::Coroutine>& coroutines) const {
    std::erase_if(coroutines, [this](const debug::Coroutine& coroutine) {
      return before_.contains(coroutine.id) ||
             std::any_of(options_.ignore.begin(), options_.ignore.end(),
                         [&](const Ignore& ignore) { return ignore.matches(coroutine); });
    });
  }

  void add_freed(std::vector<debug::Coroutine> coroutines) {
    constexpr std::size_t most = 1000;
    keep_leaks(coroutines);
    for (debug::Coroutine& coroutine : coroutines) {
      if (freed.size() < most) {
        freed.push_back({.coroutine = std::move(coroutine), .freed = true});
      } else {
        ++not_kept;
      }
    }
  }

  // Looks until nobody is left or the options say that it is enough.
  std::vector<debug::Coroutine> look() const {
    for (unsigned i = 1;; ++i) {
      std::vector<debug::Coroutine> left = debug::coroutines();
      keep_leaks(left);
      if (left.empty() || i >= options_.looks) return left;
      const std::chrono::nanoseconds pause =
          std::chrono::microseconds(10) * (1 << std::min(i, 20u));
      std::this_thread::sleep_for(std::min(pause, options_.longest_pause));
    }
  }

  std::vector<Leak> freed;
  std::uint64_t not_kept = 0;

 private:
  LeakOptions options_;
  std::unordered_set<std::uint64_t> before_;
};

namespace {

// The watches that there are.
struct Watches {
  std::mutex mutex;
  std::vector<LeakWatch::State*> all;
  std::atomic<std::size_t> count{0};
};

// Never destroyed: schedulers may end after it would be.
Watches& watches() {
  static auto& existing = *new Watches;
  return existing;
}

}  // namespace

LeakWatch::LeakWatch(LeakOptions options) {
  if (options.looks == 0 || options.longest_pause.count() < 0) {
    throw UsageError("coro: a LeakWatch looks at least once, and does not pause for less than 0");
  }
  state_ = std::make_unique<State>(std::move(options));
  const std::lock_guard guard(watches().mutex);
  watches().all.push_back(state_.get());
  watches().count = watches().all.size();
}

LeakWatch::~LeakWatch() {
  const std::lock_guard guard(watches().mutex);
  std::erase(watches().all, state_.get());
  watches().count = watches().all.size();
}

std::vector<Leak> LeakWatch::find() {
  detail::require_outside("coro::testing::LeakWatch::find");
  std::vector<debug::Coroutine> left = state_->look();
  std::vector<Leak> leaks;
  {
    const std::lock_guard guard(watches().mutex);
    leaks = state_->freed;
  }
  for (debug::Coroutine& coroutine : left) leaks.push_back({.coroutine = std::move(coroutine)});
  return leaks;
}

std::uint64_t LeakWatch::not_kept() const {
  const std::lock_guard guard(watches().mutex);
  return state_->not_kept;
}

}  // namespace coro::testing

namespace coro::detail {

bool leaks_watched() noexcept {
  return testing::watches().count.load(std::memory_order_relaxed) != 0;
}

// Under the lock a watch can not go away meanwhile.
void await_leftovers(const SchedulerCore& scheduler) noexcept try {
  if (scheduler.live() == 0) return;
  const std::lock_guard guard(testing::watches().mutex);
  for (const testing::LeakWatch::State* watch : testing::watches().all) {
    static_cast<void>(watch->look());
  }
} catch (...) {  // no memory: no time
}

void record_leftovers(SchedulerCore& scheduler) noexcept try {
  if (scheduler.live() == 0) return;
  std::vector<debug::Coroutine> left;
  Describer describer;
  scheduler.stacks().for_each([&](Fiber& fiber) {
    if (fiber.live) describer.add(*fiber.header, left);
  });
  scheduler.tasks().for_each([&](Coroutine& task) { describer.add(*task.header, left); });
  const std::lock_guard guard(testing::watches().mutex);
  for (testing::LeakWatch::State* watch : testing::watches().all) watch->add_freed(left);
} catch (...) {  // no memory for what would be told
}

namespace {

std::optional<std::chrono::milliseconds> time_to_keep() noexcept {
  const char* text = secure_getenv("CORO_KEEP_LEFTOVERS");
  if (text == nullptr) return std::nullopt;
  const char* end = text + std::strlen(text);
  std::uint32_t number = 0;
  const auto result = std::from_chars(text, end, number);
  if (result.ec != std::errc() || result.ptr != end || number > 3'600'000) return std::nullopt;
  return std::chrono::milliseconds(number);
}

// Whether all ended by then.
bool ends_within(const SchedulerCore& scheduler, std::chrono::nanoseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  std::chrono::nanoseconds pause = std::chrono::microseconds(20);
  while (scheduler.live() != 0) {
    const std::chrono::nanoseconds left = end - std::chrono::steady_clock::now();
    if (left.count() <= 0) return false;
    pause = std::min<std::chrono::nanoseconds>(2 * pause, std::chrono::milliseconds(100));
    std::this_thread::sleep_for(std::min(pause, left));
  }
  return true;
}

}  // namespace

void keep_leftovers(std::unique_ptr<SchedulerCore>& scheduler) noexcept try {
  if (scheduler->live() == 0) return;
  const auto time = time_to_keep();
  if (!time || scheduler->deterministic() != nullptr || scheduler->requires_empty()) return;
  if (!scheduler->runs_here() && ends_within(*scheduler, *time)) return;
  // Something has to point to them, or leak checkers would see a leak of memory.
  static auto& kept = *new std::pair<std::mutex, std::vector<std::unique_ptr<SchedulerCore>>>();
  const std::lock_guard guard(kept.first);
  kept.second.reserve(kept.second.size() + 1);
  scheduler->stop();
  kept.second.push_back(std::move(scheduler));
} catch (...) {  // no memory to remember it by: it ends as it would
}

}  // namespace coro::detail
