// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/object_reader.h"

#include <algorithm>
#include <cstring>

#include "targets/coro/descriptor.h"
#include "targets/coro/guarded.h"

namespace coroscope::coro {
namespace {

std::optional<WaitObject::Kind> kind_of(uint32_t kind) {
  using enum WaitObject::Kind;
  switch (kind) {
    case CORO_OBJECT_CHANNEL:
      return channel;
    case CORO_OBJECT_WAIT_GROUP:
      return wait_group;
    case CORO_OBJECT_MUTEX:
      return mutex;
    case CORO_OBJECT_RW_MUTEX:
      return rw_mutex;
    case CORO_OBJECT_CONDITION:
      return condition;
    case CORO_OBJECT_SEMAPHORE:
      return semaphore;
    case CORO_OBJECT_ONCE:
      return once;
    case CORO_OBJECT_CONTEXT:
      return context;
    case CORO_OBJECT_JOIN:
      return join;
    default:
      return std::nullopt;
  }
}

// What means something else, or nothing, by kind and version.
void add_named(const coro_object& object, uint32_t minor, WaitObject& result) {
  using enum WaitObject::Kind;
  const bool tells_time = minor >= 3;
  switch (result.kind) {
    case channel:
      if (tells_time) result.handles = object.handles;
      [[fallthrough]];
    case context:
      if (tells_time) result.deadline_ns = object.deadline_ns;
      return;
    case semaphore:
      result.last_taker = object.holder;
      return;
    case rw_mutex:
      if (object.length == 1) result.lone_reader = object.readers;
      [[fallthrough]];
    case mutex:
      if (minor >= 4 && object.holder != 0) result.taken_at = object.taken_at;
      break;
    default:
      break;
  }
  result.holder = object.holder;
}

std::optional<SelectCase::Act> act_of(uint32_t kind) {
  switch (kind) {
    case CORO_SELECT_SEND:
      return SelectCase::Act::send;
    case CORO_SELECT_RECEIVE:
      return SelectCase::Act::receive;
    case CORO_SELECT_DONE:
      return SelectCase::Act::done;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<WaitObject> ObjectReader::object(uint64_t address) const {
  coro_object object{};
  const size_t published =
      descriptor_.object_size == 0 ? first_object_size : descriptor_.object_size;
  const size_t size = std::min(published, sizeof object);
  if (address == 0 || !memory_.read(address, &object, size)) return std::nullopt;
  if (object.magic != CORO_OBJECT_MAGIC) return std::nullopt;
  const auto kind = kind_of(object.kind);
  if (!kind) return std::nullopt;
  WaitObject result;
  result.kind = *kind;
  const bool lock = *kind == WaitObject::Kind::rw_mutex || *kind == WaitObject::Kind::mutex;
  if (!lock) result.capacity = object.capacity;
  result.length = object.length;
  result.closed = object.closed != 0;
  result.waiting_senders = object.waiting_senders;
  result.waiting_receivers = object.waiting_receivers;
  add_named(object, descriptor_.minor, result);
  return result;
}

std::optional<Select> ObjectReader::read_select(uint64_t address) const {
  coro_select select{};
  if (address == 0 || !memory_.read_value(address, &select)) return std::nullopt;
  if (select.magic != CORO_SELECT_MAGIC || select.stride < sizeof(coro_select_case) ||
      select.stride > max_header_size) {
    return std::nullopt;
  }
  Select result;
  result.deadline_ns = select.deadline_ns;
  const uint32_t count = std::min(select.count, max_cases);
  result.more = select.count - count;
  if (count == 0) return result;
  std::vector<std::byte> bytes((count - 1) * select.stride + sizeof(coro_select_case));
  if (!memory_.read(select.cases, bytes.data(), bytes.size())) return std::nullopt;
  for (uint32_t i = 0; i < count; ++i) {
    coro_select_case one{};
    std::memcpy(&one, bytes.data() + i * select.stride, sizeof one);
    if (const auto act = act_of(one.kind)) {
      result.cases.push_back({*act, one.object, object(one.object)});
    } else {
      result.more++;  // newer than this observer
    }
  }
  return result;
}

std::optional<Select> ObjectReader::select(uint64_t header_address, uint64_t id) const {
  return read_guarded(memory_, header_address, id,
                      [this](const coro_header& header) -> std::optional<Select> {
                        if (header.state != CORO_STATE_PARKED) return std::nullopt;
                        if (header.reason != CORO_REASON_SELECT) return std::nullopt;
                        return read_select(header.object);
                      });
}

}  // namespace coroscope::coro
