// SPDX-License-Identifier: Apache-2.0
// What the runtime's own operations cost. The work is that of peers/*; every
// benchmark counts as items the operations that it did. One worker runs it, and
// two run ping_pong.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <optional>

#include "coro/channel.h"
#include "coro/go.h"
#include "coro/mutex.h"
#include "coro/scheduler.h"
#include "coro/select.h"
#include "coro/task.h"
#include "coro/wait_group.h"
#include "switch_bench.h"
#include "wait_attached.h"

namespace {

// Runs f(state) in a coroutine while the calling thread, which is Google
// Benchmark's, waits.
template <class F>
void in_coroutine(benchmark::State& state, F f, unsigned workers = 1) {
  coro::Scheduler scheduler({.workers = workers});
  scheduler.run([&] { f(state); });
  scheduler.wait_empty();
}

void switch_context(benchmark::State& state) {
  coro_bench::Bouncer other;
  for (auto _ : state) other.bounce();
  state.SetItemsProcessed(2 * state.iterations());  // there and back
}

void yield(benchmark::State& outer) {
  in_coroutine(outer, [](benchmark::State& state) {
    bool stop = false;
    coro::go([&stop] {
      while (!stop) coro::yield();
    });
    for (auto _ : state) coro::yield();
    stop = true;
    coro::yield();  // the other reads `stop`, which is on our stack
    state.SetItemsProcessed(2 * state.iterations());  // ours and the other's
  });
}

void spawn_exit(benchmark::State& outer) {
  in_coroutine(outer, [](benchmark::State& state) {
    constexpr int batch = 1000;
    for (auto _ : state) {
      coro::WaitGroup left;
      left.add(batch);
      for (int i = 0; i < batch; ++i) coro::go([&left] { left.done(); });
      left.wait();
    }
    state.SetItemsProcessed(batch * state.iterations());
  });
}

void round_trips(benchmark::State& state) {
  coro::Channel<std::uint64_t> there(0);
  coro::Channel<std::uint64_t> back(0);
  coro::Channel<bool> done(0);
  coro::go([&] {
    while (auto value = there.receive()) back.send(*value);
    done.send(true);
  });
  for (auto _ : state) {
    there.send(1);
    benchmark::DoNotOptimize(back.receive());
  }
  there.close();
  benchmark::DoNotOptimize(done.receive());
  state.SetItemsProcessed(state.iterations());
}

void channel_round_trip(benchmark::State& state) {
  in_coroutine(state, round_trips);
}

// The same where the scheduler has a second worker to run the other on.
void ping_pong(benchmark::State& state) {
  in_coroutine(state, round_trips, 2);
}

void mutex(benchmark::State& outer) {
  in_coroutine(outer, [](benchmark::State& state) {
    coro::Mutex mutex;
    for (auto _ : state) {
      mutex.lock();
      mutex.unlock();
    }
    state.SetItemsProcessed(state.iterations());
  });
}

coro::Task<std::uint64_t> ready(std::uint64_t value) {
  co_return value;
}

coro::Task<> await_ready_tasks(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(co_await ready(1));
  state.SetItemsProcessed(state.iterations());
}

void task_await_ready(benchmark::State& state) {
  coro::Scheduler scheduler({.workers = 1});
  scheduler.run(await_ready_tasks(state));
  scheduler.wait_empty();
}

coro::Task<> be_done(coro::WaitGroup& left) {
  left.done();
  co_return;
}

coro::Task<> spawn_tasks(benchmark::State& state) {
  constexpr int batch = 1000;
  for (auto _ : state) {
    coro::WaitGroup left;
    left.add(batch);
    for (int i = 0; i < batch; ++i) coro::go(be_done(left));
    co_await left.async_wait();
  }
  state.SetItemsProcessed(batch * state.iterations());
}

void task_spawn_exit(benchmark::State& state) {
  coro::Scheduler scheduler({.workers = 1});
  scheduler.run(spawn_tasks(state));
  scheduler.wait_empty();
}

using Numbers = coro::Channel<std::uint64_t>;

coro::Task<> answer(Numbers& there, Numbers& back) {
  while (const auto value = co_await there.async_receive()) co_await back.async_send(*value);
  back.close();
}

coro::Task<> task_round_trips(benchmark::State& state) {
  Numbers there(0);
  Numbers back(0);
  coro::go(answer(there, back));
  for (auto _ : state) {
    co_await there.async_send(1);
    benchmark::DoNotOptimize(co_await back.async_receive());
  }
  there.close();
  benchmark::DoNotOptimize(co_await back.async_receive());
  state.SetItemsProcessed(state.iterations());
}

void task_channel_round_trip(benchmark::State& state) {
  coro::Scheduler scheduler({.workers = 1});
  scheduler.run(task_round_trips(state));
  scheduler.wait_empty();
}

coro::Task<> yield_tasks(benchmark::State& state) {
  bool stop = false;
  coro::go([&stop]() -> coro::Task<> {
    while (!stop) co_await coro::async_yield();
  });
  for (auto _ : state) co_await coro::async_yield();
  stop = true;
  co_await coro::async_yield();  // the other reads `stop`, which is in our frame
  state.SetItemsProcessed(2 * state.iterations());
}

void task_yield(benchmark::State& state) {
  coro::Scheduler scheduler({.workers = 1});
  scheduler.run(yield_tasks(state));
  scheduler.wait_empty();
}

// Whoever selects finds no channel ready, and waits on all.
void select_round_trip(benchmark::State& outer) {
  in_coroutine(outer, [](benchmark::State& state) {
    std::array<coro::Channel<std::uint64_t>, 4> there;
    for (auto& channel : there) channel = coro::Channel<std::uint64_t>(0);
    coro::Channel<std::uint64_t> back(0);
    coro::Channel<bool> done(0);
    coro::go([&] {
      std::optional<std::uint64_t> value = 1;
      const auto take = [&value](std::optional<std::uint64_t> got) { value = got; };
      while (*value != 0) {
        coro::select(coro::on_receive(there[0], take), coro::on_receive(there[1], take),
                     coro::on_receive(there[2], take), coro::on_receive(there[3], take));
        back.send(*value);
      }
      done.send(true);
    });
    std::size_t next = 0;
    for (auto _ : state) {
      there[next++ % 4].send(1);
      benchmark::DoNotOptimize(back.receive());
    }
    there[0].send(0);
    benchmark::DoNotOptimize(back.receive());
    benchmark::DoNotOptimize(done.receive());
    state.SetItemsProcessed(state.iterations());
  });
}

// Whoever selects finds all channels ready, and never waits.
void select_ready(benchmark::State& outer) {
  in_coroutine(outer, [](benchmark::State& state) {
    std::array<coro::Channel<std::uint64_t>, 4> full;
    for (auto& channel : full) {
      channel = coro::Channel<std::uint64_t>(1);
      channel.send(1);
    }
    std::optional<std::uint64_t> value;
    const auto take = [&value](std::optional<std::uint64_t> got) { value = got; };
    for (auto _ : state) {
      const std::size_t chosen =
          coro::select(coro::on_receive(full[0], take), coro::on_receive(full[1], take),
                       coro::on_receive(full[2], take), coro::on_receive(full[3], take));
      full[chosen].send(*value);
    }
    state.SetItemsProcessed(state.iterations());
  });
}

BENCHMARK(switch_context)->UseRealTime();
BENCHMARK(yield)->UseRealTime();
BENCHMARK(spawn_exit)->UseRealTime();
BENCHMARK(channel_round_trip)->UseRealTime();
BENCHMARK(ping_pong)->UseRealTime();
BENCHMARK(select_round_trip)->UseRealTime();
BENCHMARK(select_ready)->UseRealTime();
BENCHMARK(task_yield)->UseRealTime();
BENCHMARK(task_spawn_exit)->UseRealTime();
BENCHMARK(task_channel_round_trip)->UseRealTime();
BENCHMARK(task_await_ready)->UseRealTime();
BENCHMARK(mutex)->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (!coro_bench::wait_attached_if_asked()) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
