// SPDX-License-Identifier: Apache-2.0
// starved: coroutines that could go on, but for one that keeps the only worker for
// itself: a fiber and a task that have got what they waited for, one that yielded,
// and a fiber and a task that have not begun. Prints `ready` once that is so.
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "coro/coro.h"

namespace {

coro::Channel<int> orders{0};
coro::Channel<int> rows{0};
int there = 0;  // of those who have begun; with one worker nobody is in between

__attribute__((noipa)) int receive_order() {
  ++there;
  const auto order = orders.receive();
  return order.value_or(0) + 1;
}

__attribute__((noipa)) int give_way() {
  ++there;
  coro::yield();
  return 1;
}

coro::Task<int> read_row() {
  ++there;
  const auto row = co_await rows.async_receive();
  co_return row.value_or(0);
}

coro::Task<> run_query() {
  static_cast<void>(co_await read_row());
}

void keep_the_worker() {
  coro::start({.name = "fiber"}, [] { return receive_order(); }).detach();
  coro::start({.name = "task"}, [] { return run_query(); }).detach();
  while (there < 2) coro::yield();
  coro::start({.name = "yielding"}, [] { return give_way(); }).detach();
  while (there < 3) coro::yield();
  int value = 1;
  if (!orders.try_send(value) || !rows.try_send(value)) std::abort();
  coro::start({.name = "new fiber"}, [] { return receive_order(); }).detach();
  coro::start({.name = "new task"}, [] { return run_query(); }).detach();
  std::cout << "ready" << std::endl;
  for (;;) asm volatile("");
}

}  // namespace

int main() {
  coro::Scheduler scheduler({.workers = 1});
  scheduler.go([] { keep_the_worker(); });
  for (;;) pause();
}
