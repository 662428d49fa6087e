// SPDX-License-Identifier: Apache-2.0
// foreign: coroutines that wait below code that is not the program's: of a library that is
// loaded later, its argument, and of functions that are made at run time, as JIT compilers
// do, with a frame pointer and without. Prints `ready`, and where the latter are.
#include <dlfcn.h>
#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <iostream>
#include <thread>

#include "coro/channel.h"
#include "coro/go.h"
#include "coro/scheduler.h"

namespace {

using Call = void (*)(void (*function)());

// x86-64: what calls its argument.
constexpr unsigned char framed[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
constexpr unsigned char unframed[] = {0x48, 0x83, 0xec, 0x08, 0xff, 0xd7,
                                      0x48, 0x83, 0xc4, 0x08, 0xc3};
constexpr std::size_t page = 4096;

volatile int after_call;  // so that no call is the last thing that a function does

coro::Channel<int>& channel() {
  static auto* const kept = new coro::Channel<int>(0);
  return *kept;
}

std::atomic<int> parked;
void wait_for_ever() {
  ++parked;
  static_cast<void>(channel().receive());
  after_call = 1;
}

template <std::size_t size>
Call made_of(const unsigned char (&code)[size]) {
  void* place = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) _Exit(1);
  std::memcpy(place, code, size);
  if (mprotect(place, page, PROT_READ | PROT_EXEC) != 0) _Exit(1);
  return reinterpret_cast<Call>(place);
}

__attribute__((noinline)) void call_framed(Call code) {
  code(wait_for_ever);
  after_call = 2;
}

__attribute__((noinline)) void call_unframed(Call code) {
  code(wait_for_ever);
  after_call = 3;
}

__attribute__((noinline)) void call_library(Call code) {
  code(wait_for_ever);
  after_call = 4;
}

}  // namespace

int main(int argc, char** argv) {
  void* library = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW);
  const auto plugin = reinterpret_cast<Call>(library ? dlsym(library, "plugin_call") : nullptr);
  if (plugin == nullptr) return 1;
  const Call with = made_of(framed);
  const Call without = made_of(unframed);
  coro::Scheduler scheduler({.workers = 1});
  scheduler.go([=] {
    coro::go([=] { call_library(plugin); });
    coro::go([=] { call_framed(with); });
    coro::go([=] { call_unframed(without); });
  });
  // They say so a little before it is so.
  while (parked < 3 || scheduler.idle_workers() < scheduler.workers()) std::this_thread::yield();
  std::cout << "ready " << reinterpret_cast<void*>(with) << " " << reinterpret_cast<void*>(without)
            << std::endl;
  std::cin.get();
  _Exit(0);  // there is nobody to end those who wait
}
