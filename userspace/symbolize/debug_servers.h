// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "util/fd.h"

namespace coroscope {

// DebugServers asks the debuginfod servers that the user names in DEBUGINFOD_URLS
// (https://sourceware.org/elfutils/Debuginfod.html) for debug files; what they
// sent once is kept in the user's cache by libdebuginfod. It takes no
// longer than `budget` in all, but for the second in which that is noticed: who waits
// for a report must not wait for a network.
class DebugServers {
 public:
  static constexpr std::chrono::seconds default_budget{10};

  explicit DebugServers(std::chrono::nanoseconds budget = default_budget);
  ~DebugServers();

  // An invalid Fd if none is named, none has it, or the budget is used up. What
  // comes is not checked to be what was asked for.
  Fd find(std::span<const std::byte> build_id);

  // libdw would ask them too, of its own accord and without an end. In this process
  // nobody but find() knows their names. Idempotent; called before libdw is used.
  static void hide_from_libdw();

 private:
  class Library;

  bool open();

  std::chrono::nanoseconds left_;
  bool tried_ = false;
  std::unique_ptr<Library> library_;
};

}  // namespace coroscope
