// SPDX-License-Identifier: Apache-2.0
#include "trace.h"

#include <chrono>
#include <optional>

#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

class Trace {
 public:
  // FNV-1a
  void add(std::uint64_t event) {
    hash_ = (hash_ ^ event) * 0x100000001b3u;
    hash_ = (hash_ ^ static_cast<std::uint64_t>(coro::now().time_since_epoch().count())) *
            0x100000001b3u;
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

void produce(Trace& trace, coro::Channel<std::uint64_t> channel, std::uint64_t producer) {
  for (std::uint64_t i = 0; i < 5; ++i) {
    channel.send(producer * 100 + i);
    trace.add(1000 + producer * 100 + i);
    if (i % 2 == 0) coro::sleep_for((producer + 1) * 1ms);
  }
}

void consume(Trace& trace, coro::Channel<std::uint64_t> channel, std::uint64_t consumer) {
  while (const std::optional<std::uint64_t> value = channel.receive()) {
    trace.add(2000 + consumer * 1000 + *value);
    if (*value % 3 == 0) coro::yield();
  }
}

coro::Task<void> relay(Trace& trace, coro::Channel<std::uint64_t> from,
                       coro::Channel<std::uint64_t> to, std::uint64_t number) {
  for (std::uint64_t i = 0; i < 3; ++i) {
    const std::optional<std::uint64_t> value = co_await from.async_receive();
    trace.add(9000 + number * 100 + value.value());
    co_await to.async_send(value.value() + 1);
    co_await coro::async_sleep_for(number * 1ms);
  }
  to.close();
}

void run(Trace& trace, std::uint64_t many) {
  coro::Channel<std::uint64_t> channel(2);
  coro::WaitGroup producers, all;
  for (std::uint64_t i = 0; i < 3; ++i) {
    producers.add(1);
    all.add(2);
    coro::go([&, channel, i] {
      produce(trace, channel, i);
      producers.done();
      all.done();
    });
    coro::go([&, channel, i] {
      consume(trace, channel, i);
      all.done();
    });
  }

  for (std::uint64_t i = 0; i < many; ++i) coro::go([&trace, i] { trace.add(i); });
  coro::Channel<std::uint64_t> first(3), second(0);
  coro::go(relay(trace, first, second, 1));
  for (std::uint64_t i = 0; i < 3; ++i) first.send(i);
  while (const std::optional<std::uint64_t> value = second.receive()) trace.add(8000 + *value);
  producers.wait();
  channel.close();
  all.wait();
}

}  // namespace

std::uint64_t trace_hash(std::uint64_t seed) {
  coro::Scheduler scheduler(
      {.require_empty = true, .deterministic = coro::Deterministic{.seed = seed}});
  Trace trace;
  // Sometimes more than fit the queue of a worker.
  const std::uint64_t many = seed % 50 == 0 ? 400 : 4;
  scheduler.run([&trace, many] { run(trace, many); });
  scheduler.wait_empty();
  return trace.hash();
}
