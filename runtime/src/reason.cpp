// SPDX-License-Identifier: Apache-2.0
#include "coro/reason.h"

namespace coro {

std::string_view reason_name(std::uint32_t reason) noexcept {
  switch (reason) {
#define CORO_REASON_CASE(enumerator, number, name) \
  case enumerator:                                 \
    return name;
    CORO_REASONS(CORO_REASON_CASE)
#undef CORO_REASON_CASE
    case CORO_REASON_NONE:
      return "";
  }
  return "unknown";
}

}  // namespace coro
