// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "coro/coro.h"

// Gate is where coroutines wait while the program is paused. Thread-safe.
class Gate {
 public:
  // Holds everyone who comes by from now on.
  void shut();
  // Lets everyone go on.
  void open();
  // In a coroutine: waits while the gate is shut.
  void pass();
  // Coroutines that wait, or are about to.
  std::int64_t waiting() const { return waiting_; }

 private:
  std::atomic<bool> shut_{false};
  std::atomic<std::int64_t> waiting_{0};
  std::mutex mutex_;
  coro::Channel<int> channel_{0};
};

// Site is one place in the program that calls coro::go, and the program's own
// count of what was started there: independent of the runtime's.
struct Site {
  const char* name;  // the function that calls coro::go
  void (*start)(coro::Scheduler* scheduler, Site& site, bool for_ever);
  std::atomic<std::int64_t> live{0};
};

extern Gate gate;
extern coro::Channel<int> for_ever_channel;

constexpr std::size_t most_sites = 8;
Site& site_at(std::size_t number);  // number < most_sites

// Starts coroutines at the site, in bursts, for ever.
void drive(Site& site, unsigned burst);
