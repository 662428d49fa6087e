// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <type_traits>

#include "coro/detail/channel_core.h"
#include "coro/error.h"
#include "deterministic.h"
#include "park.h"

namespace coro::detail {

ChannelCore* ChannelCore::create(std::size_t capacity, const ElementOps& ops) {
  return new ChannelCore(capacity, ops);
}

ChannelCore::ChannelCore(std::size_t capacity, const ElementOps& ops)
    : object_(new_object(CORO_OBJECT_CHANNEL, capacity)), ops_(&ops) {
  static_assert(std::is_standard_layout_v<ChannelCore>, "object_ has to lie at offset 0");
  object_.handles = 1;
  if (capacity == 0) return;
  if (capacity > std::numeric_limits<std::size_t>::max() / 2 / ops.size) throw std::bad_alloc();
  buffer_ =
      static_cast<std::byte*>(::operator new (capacity* ops.size, std::align_val_t{ops.alignment}));
}

ChannelCore::~ChannelCore() {
  for (std::uint64_t i = 0; i < object_.length; ++i) ops_->destroy(element(i));
  object_.magic = 0;
  if (buffer_ != nullptr) ::operator delete (buffer_, std::align_val_t{ops_->alignment});
}

void ChannelCore::release() noexcept {
  const std::atomic_ref handles(object_.handles);
  if (handles.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void* ChannelCore::element(std::uint64_t position) const noexcept {
  std::uint64_t place = head_ + position;
  if (place >= object_.capacity) place -= object_.capacity;
  return buffer_ + place * ops_->size;
}

inline void ChannelCore::publish_senders() noexcept {
  object_.waiting_senders = senders_.size();
}

inline void ChannelCore::publish_receivers() noexcept {
  object_.waiting_receivers = receivers_.size();
}

// These two and what calls them are inlined for speed.
[[gnu::always_inline]] inline ChannelCore::Attempt ChannelCore::send_held(void* value,
                                                                          Waiter*& partner) {
  if (object_.closed != 0) return Attempt::closed;
  if (Waiter* receiver = receivers_.pop()) {
    publish_receivers();
    ops_->deliver(receiver->slot, value);
    receiver->completed = true;
    partner = receiver;
    return Attempt::done;
  }
  if (object_.length == object_.capacity) return Attempt::blocked;
  ops_->store(element(object_.length), value);
  ++object_.length;
  return Attempt::done;
}

[[gnu::always_inline]] inline ChannelCore::Attempt ChannelCore::receive_held(void* result,
                                                                             Waiter*& partner) {
  const bool buffered = object_.length > 0;
  if (buffered) {
    void* oldest = element(0);
    ops_->deliver(result, oldest);
    ops_->destroy(oldest);
    head_ = head_ + 1 == object_.capacity ? 0 : head_ + 1;
    --object_.length;
  }
  if (Waiter* sender = senders_.pop()) {
    publish_senders();
    if (buffered) {  // its value takes the place that became free
      ops_->store(element(object_.length), sender->slot);
      ++object_.length;
    } else {
      ops_->deliver(result, sender->slot);
    }
    sender->completed = true;
    partner = sender;
    return Attempt::done;
  }
  if (buffered) return Attempt::done;
  return object_.closed != 0 ? Attempt::closed : Attempt::blocked;
}

[[gnu::always_inline]] inline ChannelCore::Attempt ChannelCore::send_locked(void* value) {
  Waiter* partner = nullptr;
  const Attempt attempt = send_held(value, partner);
  if (attempt != Attempt::blocked) lock_.unlock();
  if (partner != nullptr) unpark(*partner->coroutine);
  return attempt;
}

[[gnu::always_inline]] inline ChannelCore::Attempt ChannelCore::receive_locked(void* result) {
  Waiter* partner = nullptr;
  const Attempt attempt = receive_held(result, partner);
  if (attempt != Attempt::blocked) lock_.unlock();
  if (partner != nullptr) unpark(*partner->coroutine);
  return attempt;
}

ChannelCore::Attempt ChannelCore::try_case(bool sends, void* slot, Waiter*& partner) {
  return sends ? send_held(slot, partner) : receive_held(slot, partner);
}

void ChannelCore::add_waiter(bool sends, Waiter& waiter) noexcept {
  (sends ? senders_ : receivers_).push(waiter);
  publish_senders();
  publish_receivers();
}

void ChannelCore::remove_waiter(bool sends, Waiter& waiter) noexcept {
  (sends ? senders_ : receivers_).remove(waiter);
  publish_senders();
  publish_receivers();
}

// Inlined for the reason given at Worker::leave.
[[gnu::always_inline]] inline bool ChannelCore::wait_locked(WaitList& list, Fiber& self,
                                                            coro_reason reason, void* slot) {
  Waiter waiter;
  waiter.coroutine = &self;
  waiter.slot = slot;
  list.push(waiter);
  reason == CORO_REASON_CHAN_SEND ? publish_senders() : publish_receivers();
  park(self, reason, this, lock_);
  return waiter.completed;
}

void ChannelCore::send(ChannelCore* channel, void* value) {
  Fiber& self = this_fiber();
  if (channel == nullptr) park_forever(self, CORO_REASON_CHAN_SEND_NIL);
  channel->lock_.lock();
  const Attempt attempt = channel->send_locked(value);
  if (attempt == Attempt::blocked) {
    if (channel->wait_locked(channel->senders_, self, CORO_REASON_CHAN_SEND, value)) return;
    throw ChannelClosed("coro: the channel was closed while a send was waiting");
  }
  if (attempt == Attempt::closed) throw ChannelClosed("coro: send on a closed channel");
}

void ChannelCore::receive(ChannelCore* channel, void* result) {
  Fiber& self = this_fiber();
  if (channel == nullptr) park_forever(self, CORO_REASON_CHAN_RECEIVE_NIL);
  channel->lock_.lock();
  if (channel->receive_locked(result) == Attempt::blocked) {
    channel->wait_locked(channel->receivers_, self, CORO_REASON_CHAN_RECEIVE, result);
  }
}

void ChannelCore::AsyncWait::wait_locked(SuspendedTask self, ChannelCore& channel, WaitList& list,
                                         coro_reason reason, void* place) noexcept {
  coroutine = self.coroutine;
  slot = place;
  list.push(*this);
  reason == CORO_REASON_CHAN_SEND ? channel.publish_senders() : channel.publish_receivers();
  park_task(self, reason, &channel);
  channel.lock_.unlock();
}

bool ChannelCore::AsyncWait::suspend_send(SuspendedTask self, void* place) noexcept {
  auto* channel = static_cast<ChannelCore*>(slot);
  if (channel == nullptr) {
    park_task(self, CORO_REASON_CHAN_SEND_NIL, nullptr);
    return true;
  }
  channel->lock_.lock();
  const Attempt attempt = channel->send_locked(place);
  completed = attempt == Attempt::done;
  if (attempt != Attempt::blocked) return false;
  wait_locked(self, *channel, channel->senders_, CORO_REASON_CHAN_SEND, place);
  return true;
}

bool ChannelCore::AsyncWait::suspend_receive(SuspendedTask self, void* place) noexcept {
  auto* channel = static_cast<ChannelCore*>(slot);
  if (channel == nullptr) {
    park_task(self, CORO_REASON_CHAN_RECEIVE_NIL, nullptr);
    return true;
  }
  channel->lock_.lock();
  if (channel->receive_locked(place) != Attempt::blocked) return false;
  wait_locked(self, *channel, channel->receivers_, CORO_REASON_CHAN_RECEIVE, place);
  return true;
}

void ChannelCore::AsyncWait::end_send() const {
  if (!completed) throw ChannelClosed("coro: send on a closed channel, or on one closed meanwhile");
}

void ChannelCore::AsyncWait::leave(WaitList ChannelCore::*list) noexcept {
  auto& channel = *reinterpret_cast<ChannelCore*>(get(coroutine->header->object));
  channel.lock_.lock();
  (channel.*list).remove(*this);
  channel.publish_senders();
  channel.publish_receivers();
  channel.lock_.unlock();
}

bool ChannelCore::try_send(ChannelCore* channel, void* value) {
  if (channel == nullptr) return false;
  looking_point();
  channel->lock_.lock();
  const Attempt attempt = channel->send_locked(value);
  if (attempt == Attempt::closed) throw ChannelClosed("coro: send on a closed channel");
  if (attempt == Attempt::blocked) channel->lock_.unlock();
  if (attempt == Attempt::done) note_progress();
  return attempt == Attempt::done;
}

void ChannelCore::try_receive(ChannelCore* channel, void* result) {
  if (channel == nullptr) return;
  looking_point();
  channel->lock_.lock();
  const Attempt attempt = channel->receive_locked(result);
  if (attempt == Attempt::blocked) channel->lock_.unlock();
  if (attempt == Attempt::done) note_progress();
}

void ChannelCore::close(ChannelCore* channel) {
  if (channel == nullptr) throw UsageError("coro: close of a Channel handle without a channel");
  scheduling_point();
  channel->lock_.lock();
  if (channel->object_.closed != 0) {
    channel->lock_.unlock();
    throw ChannelClosed("coro: close of a closed channel");
  }
  channel->object_.closed = 1;
  Waiter* waiting[] = {channel->receivers_.take_all(), channel->senders_.take_all()};
  channel->publish_senders();
  channel->publish_receivers();
  channel->lock_.unlock();
  for (Waiter* waiter : waiting) {
    while (waiter != nullptr) {
      Waiter* next = waiter->next;  // a waiter is gone once it is awake
      unpark(*waiter->coroutine);
      waiter = next;
    }
  }
}

std::size_t ChannelCore::size(ChannelCore* channel) noexcept {
  if (channel == nullptr) return 0;
  looking_point();
  channel->lock_.lock();
  const std::uint64_t length = channel->object_.length;
  channel->lock_.unlock();
  return length;
}

std::size_t ChannelCore::capacity(ChannelCore* channel) noexcept {
  return channel == nullptr ? 0 : channel->object_.capacity;
}

}  // namespace coro::detail
