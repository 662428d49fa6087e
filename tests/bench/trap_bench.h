// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace coro_bench {

// A BPF program that does nothing at a probe of this process. Throws std::system_error if
// the kernel or the lack of privilege does not allow it.
class Trap {
 public:
  Trap();
  Trap(const Trap&) = delete;
  Trap& operator=(const Trap&) = delete;
  ~Trap();

  // Passes the probe.
  static void pass() noexcept;

 private:
  int program_ = -1;
  int event_ = -1;
};

}  // namespace coro_bench
