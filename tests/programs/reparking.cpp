// SPDX-License-Identifier: Apache-2.0
// reparking: pairs of coroutines that pass a value to and fro all the time, so that
// none of them waits for long at one place.
//
//   reparking KIND COUNT    (kinds: fiber, task)
//
// Who was started by NAME_start waits below functions that all begin with NAME_, each
// name at another depth: any other function in its stacks is wrong. Prints `ready`,
// and goes on until it is killed.
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "coro/coro.h"

namespace {

using Channel = coro::Channel<int>;

// A call after a wait: so that the function that waits stays on the stack.
inline void stay() {
  asm volatile("" ::: "memory");
}

// Functions of the same code stay apart, or a stack could not tell whose it is.
#if defined(__clang__)
#define ONE_FUNCTION __attribute__((noinline))
#else
#define ONE_FUNCTION __attribute__((noinline, noclone, noipa))
#endif

// Of two who share both channels, one sends first.
#define DEFINE_NAME(name, depth)                                              \
  ONE_FUNCTION void name##_send(Channel& channel) {                           \
    channel.send(1);                                                          \
    stay();                                                                   \
  }                                                                           \
  ONE_FUNCTION void name##_receive(Channel& channel) {                        \
    static_cast<void>(channel.receive());                                     \
    stay();                                                                   \
  }                                                                           \
  ONE_FUNCTION void name##_dive(int deeper, Channel& channel, bool sends) {   \
    if (deeper > 0) {                                                         \
      name##_dive(deeper - 1, channel, sends);                                \
    } else if (sends) {                                                       \
      name##_send(channel);                                                   \
    } else {                                                                  \
      name##_receive(channel);                                                \
    }                                                                         \
    stay();                                                                   \
  }                                                                           \
  ONE_FUNCTION void name##_live(Channel there, Channel back, bool first) {    \
    for (bool sends = first;; sends = !sends) {                               \
      name##_dive(depth, sends == first ? there : back, sends);               \
    }                                                                         \
  }                                                                           \
  coro::Task<> name##_task_wait(Channel& channel, bool sends) {               \
    if (sends) {                                                              \
      co_await channel.async_send(1);                                         \
    } else {                                                                  \
      co_await channel.async_receive();                                       \
    }                                                                         \
  }                                                                           \
  coro::Task<> name##_task_dive(int deeper, Channel& channel, bool sends) {   \
    if (deeper > 0) {                                                         \
      co_await name##_task_dive(deeper - 1, channel, sends);                  \
    } else {                                                                  \
      co_await name##_task_wait(channel, sends);                              \
    }                                                                         \
  }                                                                           \
  coro::Task<> name##_task_live(Channel there, Channel back, bool first) {    \
    for (bool sends = first;; sends = !sends) {                               \
      co_await name##_task_dive(depth, sends == first ? there : back, sends); \
    }                                                                         \
  }                                                                           \
  ONE_FUNCTION void name##_start(bool task) {                                 \
    Channel there(0);                                                         \
    Channel back(0);                                                          \
    for (const bool first : {true, false}) {                                  \
      if (task) {                                                             \
        coro::go(name##_task_live(there, back, first));                       \
      } else {                                                                \
        coro::go([there, back, first] { name##_live(there, back, first); });  \
      }                                                                       \
    }                                                                         \
  }

DEFINE_NAME(alpha, 0)
DEFINE_NAME(beta, 1)
DEFINE_NAME(gamma, 2)
DEFINE_NAME(delta, 5)
DEFINE_NAME(epsilon, 9)

constexpr void (*starts[])(bool) = {alpha_start, beta_start, gamma_start, delta_start,
                                    epsilon_start};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc == 3 ? argv[1] : "";
  const long count = argc == 3 ? std::atol(argv[2]) : 0;
  if (count <= 0 || (kind != "fiber" && kind != "task")) {
    std::fputs("usage: reparking KIND COUNT   (kinds: fiber, task)\n", stderr);
    return 2;
  }
  coro::Scheduler scheduler({.workers = 2});
  scheduler.run([&] {
    for (long i = 0; i < count / 2; ++i) starts[i % 5](kind == "task");
  });
  std::puts("ready");
  std::fflush(stdout);
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}
