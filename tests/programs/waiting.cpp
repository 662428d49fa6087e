// SPDX-License-Identifier: Apache-2.0
// waiting: coroutines that all wait, each for something else, and tell of
// themselves. Prints `ready` once nothing moves any more; then, for each line on
// stdin, what coro::debug::dump says, and `end`.
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include "coro/coro.h"
#include "coro/debug.h"

namespace {

using namespace std::chrono_literals;

struct Things {
  coro::Channel<int> channel{0};
  coro::Channel<int> other{0};
  coro::Mutex mutex;
  coro::RwMutex rw_mutex;
  coro::WaitGroup group;
};

// Kept for ever: those who wait refer to it.
Things& things() {
  static Things* const kept = new Things();
  return *kept;
}

void receive_order() {
  static_cast<void>(things().channel.receive());
}

void wait_in_select() {
  coro::select(coro::on_receive(things().channel), coro::on_receive(things().other),
               coro::on_timeout(1000h));
}

void hold_the_lock() {
  things().mutex.lock();
  things().rw_mutex.lock();
  coro::go([] { things().mutex.lock(); });
  coro::go([] { things().rw_mutex.lock_shared(); });
  coro::sleep_for(1000h);
}

void wait_for_group() {
  things().group.add(3);
  things().group.wait();
}

void wait_for_child() {
  // In one line: of a call in several, each compiler tells another one.
  const auto call = [] { receive_order(); };
  auto child = coro::start({.name = "child", .labels = {{"tenant", "a"}, {"order", "17"}}}, call);
  child.join();
}

coro::Task<int> read_row() {
  const auto row = co_await things().channel.async_receive();
  co_return row.value_or(0);
}

coro::Task<> run_query() {
  static_cast<void>(co_await read_row());
}

void start_all() {
  coro::start({.name = "receiver", .labels = {{"tenant", "b"}}}, [] { receive_order(); }).detach();
  coro::go([] { receive_order(); });
  coro::go([] { coro::Channel<int>(0).send(1); });
  coro::go([] { wait_in_select(); });
  coro::go([] { hold_the_lock(); });
  coro::go([] { wait_for_group(); });
  coro::go([] { wait_for_child(); });
  coro::start({.name = "query"}, [] { return run_query(); }).detach();
  receive_order();
}

std::string dump() {
  std::ostringstream text;
  coro::debug::dump(text);
  return text.str();
}

constexpr std::uint64_t all = 12;  // that there are in the end

bool all_wait(const std::string& text) {
  return coro::debug::count() == all && text.find(" [running") == std::string::npos &&
         text.find(" [runnable") == std::string::npos;
}

}  // namespace

int main() {
  coro::Scheduler scheduler({.workers = 2});
  scheduler.go([] { start_all(); });
  while (!all_wait(dump())) std::this_thread::yield();
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << dump() << "end" << std::endl;
  std::_Exit(0);  // there is nobody to end those who wait
}
