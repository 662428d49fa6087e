// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "coro/debug.h"
#include "snapshot.h"
#include "symbols.h"

namespace coro::detail {

// Describer tells coroutines for debug::coroutines(). Large; made for one listing,
// since it remembers the names of code that may be unloaded.
class Describer {
 public:
  Describer();
  ~Describer();
  Describer(const Describer&) = delete;
  Describer& operator=(const Describer&) = delete;

  // Adds the coroutine that the header has, if it has one of the program.
  void add(coro_header& header, std::vector<debug::Coroutine>& to);

 private:
  void describe(debug::Coroutine& coroutine);
  std::vector<debug::Frame> code(const std::uint64_t* frames, std::uint32_t depth);
  std::vector<debug::Frame> awaits() const;
  const debug::Frame& frame_at(std::uint64_t pc);

  std::unique_ptr<Snapshot> snapshot_ = std::make_unique<Snapshot>();
  Symbols* symbols_;  // nullptr: no memory for names
  std::unordered_map<std::uint64_t, debug::Frame> known_;
};

}  // namespace coro::detail
