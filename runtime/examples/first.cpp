// SPDX-License-Identifier: Apache-2.0
// The program of runtime/README.md.
#include <cstdio>

#include "coro/coro.h"

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
}
