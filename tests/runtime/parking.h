// SPDX-License-Identifier: Apache-2.0
// For tests of what a coroutine waits for.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "coro/coro.h"
#include "published.h"

// Lets others run until the coroutine is parked; in a coroutine.
inline coro_header yield_until_parked(std::uint64_t id) {
  for (;;) {
    coro_header* header = find_header(id);
    if (header == nullptr) {
      ADD_FAILURE() << "coroutine " << id << " has ended instead of waiting";
      return {};
    }
    const std::optional<coro_header> copy = read_header(*header);
    if (copy && copy->id == id && copy->state == CORO_STATE_PARKED) return *copy;
    coro::yield();
  }
}

// Starts f() in a fiber and returns once that is parked.
template <class F>
coro_header go_until_parked(F f) {
  auto id = std::make_shared<std::atomic<std::uint64_t>>(0);
  coro::go([id, f = std::move(f)]() mutable {
    *id = coro::current_id();
    f();
  });
  while (*id == 0) coro::yield();
  return yield_until_parked(*id);
}

// What the object at this address publishes.
template <class Object>
const coro_object& published(const Object& object) {
  return reinterpret_cast<const coro_object&>(object);
}
