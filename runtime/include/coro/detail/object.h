// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "coro/abi.h"

namespace coro::detail {

// The block that an object publishes, as it is before anything happened.
constexpr coro_object new_object(coro_object_kind kind, std::uint64_t capacity = 0) noexcept {
  coro_object object{};
  object.magic = CORO_OBJECT_MAGIC;
  object.kind = static_cast<std::uint32_t>(kind);
  object.capacity = capacity;
  return object;
}

}  // namespace coro::detail
