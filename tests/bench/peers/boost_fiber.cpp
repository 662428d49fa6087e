// SPDX-License-Identifier: Apache-2.0
// The work of coro_bench.cpp, done by Boost.Fiber and Boost.Context.
#include <benchmark/benchmark.h>

#include <boost/context/detail/fcontext.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <boost/fiber/all.hpp>
#include <boost/fiber/pooled_fixedsize_stack.hpp>
#include <cstdint>
#include <mutex>

namespace {

namespace context = boost::context::detail;

// A context that only jumps back to the one that jumped to it.
void bounce(context::transfer_t from) {
  for (;;) from = context::jump_fcontext(from.fctx, nullptr);
}

void switch_context(benchmark::State& state) {
  boost::context::fixedsize_stack allocator;
  auto stack = allocator.allocate();
  context::fcontext_t other = context::make_fcontext(stack.sp, stack.size, bounce);
  for (auto _ : state) other = context::jump_fcontext(other, nullptr).fctx;
  state.SetItemsProcessed(2 * state.iterations());  // there and back
  allocator.deallocate(stack);
}

void yield(benchmark::State& state) {
  bool stop = false;
  boost::fibers::fiber other([&stop] {
    while (!stop) boost::this_fiber::yield();
  });
  for (auto _ : state) boost::this_fiber::yield();
  stop = true;
  other.join();
  state.SetItemsProcessed(2 * state.iterations());  // ours and the other's
}

// Boost has none of its own.
class WaitGroup {
 public:
  explicit WaitGroup(int count) : count_(count) {}
  void done() {
    std::unique_lock lock(mutex_);
    if (--count_ == 0) zero_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    zero_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  boost::fibers::mutex mutex_;
  boost::fibers::condition_variable zero_;
  int count_;
};

void spawn_exit(benchmark::State& state) {
  constexpr int batch = 1000;
  boost::fibers::pooled_fixedsize_stack stacks;  // the others keep their stacks, too
  for (auto _ : state) {
    WaitGroup left(batch);
    for (int i = 0; i < batch; ++i) {
      boost::fibers::fiber(std::allocator_arg, stacks, [&left] { left.done(); }).detach();
    }
    left.wait();
  }
  state.SetItemsProcessed(batch * state.iterations());
}

void channel_round_trip(benchmark::State& state) {
  boost::fibers::unbuffered_channel<uint64_t> there;
  boost::fibers::unbuffered_channel<uint64_t> back;
  boost::fibers::fiber echo([&] {
    for (uint64_t value : there) back.push(value);
  });
  for (auto _ : state) {
    there.push(1);
    benchmark::DoNotOptimize(back.value_pop());
  }
  there.close();
  echo.join();
  state.SetItemsProcessed(state.iterations());
}

void mutex(benchmark::State& state) {
  boost::fibers::mutex mutex;
  for (auto _ : state) {
    mutex.lock();
    mutex.unlock();
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(switch_context)->UseRealTime();
BENCHMARK(yield)->UseRealTime();
BENCHMARK(spawn_exit)->UseRealTime();
BENCHMARK(channel_round_trip)->UseRealTime();
BENCHMARK(mutex)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
