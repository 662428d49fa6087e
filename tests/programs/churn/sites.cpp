// SPDX-License-Identifier: Apache-2.0
#include "sites.h"

#include <array>
#include <chrono>

using namespace std::chrono_literals;

Gate gate;
coro::Channel<int> for_ever_channel{0};

void Gate::shut() {
  const std::lock_guard guard(mutex_);
  channel_ = coro::Channel<int>(0);
  shut_ = true;
}

void Gate::open() {
  const std::lock_guard guard(mutex_);
  shut_ = false;
  channel_.close();
}

void Gate::pass() {
  if (!shut_) return;
  coro::Channel<int> channel;
  {
    const std::lock_guard guard(mutex_);
    channel = channel_;
  }
  ++waiting_;
  static_cast<void>(channel.receive());  // until it is closed
  --waiting_;
}

namespace {

// How a short-lived coroutine spends its life, by site.
enum class Life { sleep, yield, queue, spin };

// Between 50 us and 3 ms, so that a pause catches some and not others.
void rest() {
  coro::sleep_for(50us + coro::current_id() * 7919 % 2950 * 1us);
}

// A channel as a semaphore: most who come wait in its send. Whoever is inside
// leaves before it reaches the gate, so a pause holds nobody up here.
void queue_up() {
  static coro::Channel<int> places(32);
  places.send(1);
  rest();
  static_cast<void>(places.receive());
}

void live_short(Life life) {
  switch (life) {
    case Life::sleep:
      rest();
      break;
    case Life::yield:
      for (int i = 0; i < 5; ++i) coro::yield();
      rest();
      break;
    case Life::queue:
      queue_up();
      break;
    case Life::spin:
      coro::yield();
      rest();
      coro::yield();
      break;
  }
  gate.pass();
}

void live(Site& site, Life life, bool for_ever) {
  if (for_ever) {
    static_cast<void>(for_ever_channel.receive());
  } else {
    live_short(life);
  }
  --site.live;
}

#if defined(__clang__)
#define ONE_FUNCTION __attribute__((noinline))
#else
#define ONE_FUNCTION __attribute__((noinline, noclone, noipa))
#endif

}  // namespace

// One function, with lines of its own, for each site: its name is what a
// symbolized spawn stack begins with.
#define DEFINE_SITE(function, life)                                                   \
  ONE_FUNCTION void function(coro::Scheduler* scheduler, Site& site, bool for_ever) { \
    ++site.live;                                                                      \
    if (scheduler != nullptr) {                                                       \
      scheduler->go([&site, for_ever] { live(site, life, for_ever); });               \
    } else {                                                                          \
      coro::go([&site, for_ever] { live(site, life, for_ever); });                    \
    }                                                                                 \
  }

DEFINE_SITE(churn_site_a, Life::sleep)
DEFINE_SITE(churn_site_b, Life::yield)
DEFINE_SITE(churn_site_c, Life::queue)
DEFINE_SITE(churn_site_d, Life::spin)
DEFINE_SITE(churn_site_e, Life::sleep)
DEFINE_SITE(churn_site_f, Life::yield)
DEFINE_SITE(churn_site_g, Life::queue)
DEFINE_SITE(churn_site_h, Life::spin)

Site& site_at(std::size_t number) {
  static std::array<Site, most_sites> sites{{{"churn_site_a", churn_site_a},
                                             {"churn_site_b", churn_site_b},
                                             {"churn_site_c", churn_site_c},
                                             {"churn_site_d", churn_site_d},
                                             {"churn_site_e", churn_site_e},
                                             {"churn_site_f", churn_site_f},
                                             {"churn_site_g", churn_site_g},
                                             {"churn_site_h", churn_site_h}}};
  return sites.at(number);
}

void drive(Site& site, unsigned burst) {
  constexpr std::int64_t most_live = 400;
  for (;;) {
    gate.pass();
    for (unsigned i = 0; i < burst && site.live < most_live; ++i) {
      site.start(nullptr, site, false);
    }
    coro::sleep_for(1ms);
  }
}
