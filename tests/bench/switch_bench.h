// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

namespace coro_bench {

// Bouncer is a context that does nothing but switch back to who switched to it:
// the runtime's context switch without a scheduler.
class Bouncer {
 public:
  Bouncer();

  // There and back: two switches.
  void bounce();

 private:
  static void run(void* self);

  alignas(64) std::array<std::byte, 16384> stack_;
  void* own_ = nullptr;
  void* caller_ = nullptr;
};

}  // namespace coro_bench
