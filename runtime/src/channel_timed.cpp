// SPDX-License-Identifier: Apache-2.0
#include "coro/detail/channel_timed.h"

#include "coro/error.h"

namespace coro::detail {
namespace {

coro_reason reason_of(const SelectCase& one) noexcept {
  if (one.kind == CORO_SELECT_SEND) {
    return one.object == 0 ? CORO_REASON_CHAN_SEND_NIL : CORO_REASON_CHAN_SEND;
  }
  return one.object == 0 ? CORO_REASON_CHAN_RECEIVE_NIL : CORO_REASON_CHAN_RECEIVE;
}

bool has_sent(const Select& select) {
  if (select.closed()) {
    throw ChannelClosed("coro: send on a closed channel, or on one closed meanwhile");
  }
  return select.chosen() != Select::timed_out;
}

}  // namespace

bool timed_send(ChannelCore* channel, void* value, std::uint64_t deadline) {
  SelectCase one = SelectCase::send(channel, value);
  Select select({&one, 1}, deadline);
  run_select(select, false, reason_of(one));
  return has_sent(select);
}

bool timed_receive(ChannelCore* channel, void* result, std::uint64_t deadline) {
  SelectCase one = SelectCase::receive(channel, result);
  Select select({&one, 1}, deadline);
  run_select(select, false, reason_of(one));
  return select.chosen() == Select::timed_out;
}

bool AsyncTimed::suspend_send(SuspendedTask self, void* value) noexcept {
  case_.kind = CORO_SELECT_SEND;
  case_.slot = value;
  return suspend_select(select_, self, false, reason_of(case_));
}

bool AsyncTimed::suspend_receive(SuspendedTask self, void* result) noexcept {
  case_.slot = result;
  return suspend_select(select_, self, false, reason_of(case_));
}

bool AsyncTimed::end_send() {
  select_.finish();
  return has_sent(select_);
}

bool AsyncTimed::end_receive() noexcept {
  select_.finish();
  return select_.chosen() == Select::timed_out;
}

}  // namespace coro::detail
