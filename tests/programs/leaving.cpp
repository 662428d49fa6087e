// SPDX-License-Identifier: Apache-2.0
// leaving: ends, and leaves three coroutines behind, which wait; a fourth ends on its own soon
// after the scheduler is told to. Arguments say how it ends:
//
//   (none)       the scheduler ends, then main returns
//   clean        as above, but nobody is left
//   fork         a child that has copies of them ends first, and one that executes this program
//   exec         another thread executes this program
//   exit         another thread ends the process, with its scheduler
//   main-first   so does it, when the main thread has long ended
//   marker       prints `begin` when one more is there, `end` with the others; waits for stdin's
//   end
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "coro/coro.h"

namespace {

// Kept for ever: those who wait refer to it.
coro::Channel<int>& orders() {
  static auto* const kept = new coro::Channel<int>(0);
  return *kept;
}

__attribute__((noinline)) void wait_for_order() {
  static_cast<void>(orders().receive());
  asm volatile("" ::: "memory");
}

__attribute__((noinline)) void hire_clerk() {
  coro::go([] {
    coro::set_label("desk", "7");
    wait_for_order();
    asm volatile("" ::: "memory");
  });
  asm volatile("" ::: "memory");
}

void wait_idle(const coro::Scheduler& scheduler) {
  while (scheduler.idle_workers() < scheduler.workers()) std::this_thread::yield();
}

void hire(coro::Scheduler& scheduler, int clerks) {
  scheduler.run([clerks] {
    for (int i = 0; i < clerks; ++i) hire_clerk();
  });
  wait_idle(scheduler);
}

void execute_self(const char* path) {
  execl(path, path, nullptr);
  std::_Exit(9);
}

void have_children(const char* self) {
  for (const bool executes : {false, true}) {
    const pid_t child = fork();
    if (child == 0 && executes) execute_self(self);
    if (child == 0) std::_Exit(0);
    waitpid(child, nullptr, 0);
  }
}

void show_markers(coro::Scheduler& scheduler) {
  hire(scheduler, 1);
  std::cout << "begin" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  hire(scheduler, 3);
  std::cout << "end" << std::endl;
  std::getline(std::cin, line);
}

// Does not return where the process ends with its scheduler.
void end(const std::string& how, const char* self, coro::Scheduler& scheduler) {
  if (how == "clean") orders().close();
  if (how == "fork") have_children(self);
  if (how == "exec") std::thread(execute_self, self).join();
  if (how == "exit") std::thread([] { std::_Exit(0); }).join();
  if (how == "marker") show_markers(scheduler);
  if (how == "main-first") {
    const pthread_t main_thread = pthread_self();
    std::thread([main_thread] {
      pthread_join(main_thread, nullptr);
      std::_Exit(0);
    }).detach();
    pthread_exit(nullptr);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "";
  auto scheduler = std::make_unique<coro::Scheduler>(coro::SchedulerOptions{.workers = 2});
  if (how != "marker") hire(*scheduler, 3);
  // pthread_exit unwinds this stack, and would end the scheduler.
  end(how, argv[0], how == "main-first" ? *scheduler.release() : *scheduler);
  scheduler->go([] { coro::sleep_for(std::chrono::milliseconds(20)); });
}
