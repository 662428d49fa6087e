// SPDX-License-Identifier: Apache-2.0
// The first program of runtime/README.md, and a look at its own stack: it has to be
// compiled with frame pointers, which whoever links the runtime gets with it.
#include <cstdint>
#include <cstdio>

#include "coro/coro.h"

namespace {

__attribute__((noinline)) bool has_frame_pointers(const void* callers_frame) {
  const auto* frame = static_cast<void* const*>(__builtin_frame_address(0));
  return *frame == callers_frame;
}

}  // namespace

int main() {
  coro::Scheduler scheduler;
  const int sum = scheduler.run([] {
    coro::Channel<int> squares(0);
    for (int i = 1; i <= 10; ++i) {
      coro::go([squares, i]() mutable { squares.send(i * i); });
    }
    int total = 0;
    for (int i = 1; i <= 10; ++i) total += squares.receive().value();
    return total;
  });
  std::printf("sum of squares: %d\n", sum);
  return has_frame_pointers(__builtin_frame_address(0)) ? 0 : 1;
}
