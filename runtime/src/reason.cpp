// SPDX-License-Identifier: Apache-2.0
#include "coro/reason.h"

namespace coro {

std::string_view reason_name(std::uint32_t reason) noexcept {
  switch (reason) {
    case CORO_REASON_NONE:
      return "";
    case CORO_REASON_CHAN_RECEIVE:
      return "chan receive";
    case CORO_REASON_CHAN_SEND:
      return "chan send";
    case CORO_REASON_CHAN_RECEIVE_NIL:
      return "chan receive (nil chan)";
    case CORO_REASON_CHAN_SEND_NIL:
      return "chan send (nil chan)";
    case CORO_REASON_SELECT:
      return "select";
    case CORO_REASON_SELECT_NO_CASES:
      return "select (no cases)";
    case CORO_REASON_SLEEP:
      return "sleep";
    case CORO_REASON_IO_WAIT:
      return "IO wait";
    case CORO_REASON_MUTEX_LOCK:
      return "sync.Mutex.Lock";
    case CORO_REASON_RWMUTEX_RLOCK:
      return "sync.RWMutex.RLock";
    case CORO_REASON_RWMUTEX_LOCK:
      return "sync.RWMutex.Lock";
    case CORO_REASON_COND_WAIT:
      return "sync.Cond.Wait";
    case CORO_REASON_WAIT_GROUP_WAIT:
      return "sync.WaitGroup.Wait";
    case CORO_REASON_SEMACQUIRE:
      return "semacquire";
    case CORO_REASON_JOIN:
      return "coroutine join";
  }
  return "unknown";
}

}  // namespace coro
