// SPDX-License-Identifier: Apache-2.0
// The ping_pong of coro_bench.cpp by Boost.Fiber: two threads that steal from each
// other. A program of its own, since that algorithm is set up once in a process.
#include <benchmark/benchmark.h>

#include <boost/fiber/algo/work_stealing.hpp>
#include <boost/fiber/all.hpp>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace {

// Two fibers beside the main one, which no other thread may steal.
void ping_pong(benchmark::State& state) {
  boost::fibers::unbuffered_channel<uint64_t> there;
  boost::fibers::unbuffered_channel<uint64_t> back;
  boost::fibers::fiber pong([&] {
    for (uint64_t value : there) back.push(value);
  });
  boost::fibers::fiber ping([&] {
    for (auto _ : state) {
      there.push(1);
      benchmark::DoNotOptimize(back.value_pop());
    }
    there.close();
  });
  ping.join();
  pong.join();
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(ping_pong)->UseRealTime();

// A thread without work sleeps, as the others' do. By default it spins, which on a
// machine with other work to do makes a round trip a hundred times as long.
void join_the_stealing() {
  boost::fibers::use_scheduling_algorithm<boost::fibers::algo::work_stealing>(2, true);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  // Of Boost's own, so that the other thread runs fibers while it waits.
  boost::fibers::mutex mutex;
  boost::fibers::condition_variable_any ended;
  bool end = false;
  std::thread other([&] {
    join_the_stealing();  // waits until both threads have come
    std::unique_lock lock(mutex);
    ended.wait(lock, [&] { return end; });
  });
  join_the_stealing();
  benchmark::RunSpecifiedBenchmarks();
  {
    const std::unique_lock lock(mutex);
    end = true;
  }
  ended.notify_all();
  other.join();
}
