// SPDX-License-Identifier: Apache-2.0
#include "debug_list.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "clock.h"
#include "dump.h"
#include "own_memory.h"

namespace coro {
namespace detail {
namespace {

std::string demangled(std::string_view name) {
  const std::string mangled(name);
  char* text = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, nullptr);
  std::string result = text != nullptr ? text : mangled;
  std::free(text);
  return result;
}

std::string text_at(std::uint64_t address) {
  char text[256];
  return std::string(read_own_text(address, text));
}

std::vector<std::pair<std::string, std::string>> labels_of(std::string_view texts) {
  std::vector<std::pair<std::string, std::string>> labels;
  while (!texts.empty()) {
    const std::string_view key(texts.data());
    const std::string_view value(key.data() + key.size() + 1);
    labels.emplace_back(key, value);
    texts.remove_prefix(std::min(texts.size(), key.size() + value.size() + 2));
  }
  return labels;
}

std::chrono::nanoseconds since(std::uint64_t then) {
  return std::chrono::nanoseconds(elapsed_since(then));
}

}  // namespace

Describer::Describer() : symbols_(Symbols::create()) {}

Describer::~Describer() {
  Symbols::destroy(symbols_);
}

void Describer::add(coro_header& header, std::vector<debug::Coroutine>& to) {
  const Snapshot::Result result = snapshot_->take(header);
  if (result == Snapshot::Result::none) return;
  debug::Coroutine coroutine;
  coroutine.id = snapshot_->header().id;
  if (result == Snapshot::Result::busy) {
    coroutine.state = "busy";
  } else {
    if ((snapshot_->header().flags & CORO_FLAG_SYSTEM) != 0) return;
    describe(coroutine);
  }
  to.push_back(std::move(coroutine));
}

void Describer::describe(debug::Coroutine& coroutine) {
  const coro_header& header = snapshot_->header();
  coroutine.parent_id = header.parent_id;
  coroutine.name = snapshot_->name();
  coroutine.labels = labels_of(snapshot_->labels());
  coroutine.state = state_name(header);
  coroutine.waits = header.state == CORO_STATE_PARKED || header.state == CORO_STATE_PARKING;
  if (coroutine.waits) coroutine.waited = since(header.since_ns);
  coroutine.age = since(header.spawned_ns);
  if (header.kind == CORO_KIND_TASK && snapshot_->depth() != 0) {
    coroutine.frames = awaits();
  } else if (snapshot_->depth() > 1) {
    coroutine.frames = code(snapshot_->frames(), snapshot_->depth());
  } else {  // it runs, or has never run
    coroutine.frames = {frame_at(header.entry)};
  }
  const StackFrames stack = interned_stack(header.spawn_stack_id);
  coroutine.created_by = code(stack.frames, stack.depth);
}

std::vector<debug::Frame> Describer::code(const std::uint64_t* frames, std::uint32_t depth) {
  std::vector<debug::Frame> result;
  result.reserve(depth);
  for (std::uint32_t i = 0; i < depth; ++i) result.push_back(frame_at(frames[i] - 1));
  return result;
}

std::vector<debug::Frame> Describer::awaits() const {
  std::vector<debug::Frame> result;
  for (std::uint32_t i = 0; i < snapshot_->depth(); ++i) {
    const coro_location& location = snapshot_->awaits()[i];
    debug::Frame& frame = result.emplace_back();
    if (location.file == 0) continue;
    frame.function = text_at(location.function);
    frame.file = text_at(location.file);
    frame.line = location.line;
  }
  return result;
}

const debug::Frame& Describer::frame_at(std::uint64_t pc) {
  const auto [known, added] = known_.try_emplace(pc);
  if (added) {
    CodePlace place;
    place.address = pc;
    if (symbols_ != nullptr) place = symbols_->find(pc);
    debug::Frame& frame = known->second;
    if (!place.function.empty()) frame.function = demangled(place.function);
    frame.file = place.module;
    frame.address = place.address;
  }
  return known->second;
}

}  // namespace detail

namespace debug {

std::vector<Coroutine> coroutines() {
  std::vector<Coroutine> all;
  detail::Describer describer;
  detail::for_each_header([&](coro_header& header) { describer.add(header, all); });
  return all;
}

std::string to_string(const Frame& frame) {
  std::string text = frame.function.empty() ? "?" : frame.function;
  if (frame.line != 0) return text + " at " + frame.file + ":" + std::to_string(frame.line);
  const std::string file = frame.file.substr(frame.file.rfind('/') + 1);
  char address[24];
  std::snprintf(address, sizeof address, "%#llx", static_cast<unsigned long long>(frame.address));
  return text + " (" + (file.empty() ? "" : file + "+") + address + ")";
}

}  // namespace debug
}  // namespace coro
