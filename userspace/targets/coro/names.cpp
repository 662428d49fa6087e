// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/names.h"

#include <coro/abi.h>
#include <fmt/format.h>

namespace coroscope::coro {

std::string reason_name(uint32_t reason) {
  switch (reason) {
#define CORO_REASON_CASE(enumerator, number, name) \
  case enumerator:                                 \
    return name;
    CORO_REASONS(CORO_REASON_CASE)
#undef CORO_REASON_CASE
    case CORO_REASON_NONE:
      return "none";
    default:
      return fmt::format("reason {}", reason);
  }
}

bool may_wait_for_one(uint32_t reason) {
  switch (reason) {
    case CORO_REASON_MUTEX_LOCK:  // of a Once as well
    case CORO_REASON_RWMUTEX_RLOCK:
    case CORO_REASON_RWMUTEX_LOCK:
    case CORO_REASON_JOIN:
      return true;
    default:
      return reason > CORO_REASON_JOIN;
  }
}

}  // namespace coroscope::coro
