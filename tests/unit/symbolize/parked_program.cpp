// SPDX-License-Identifier: Apache-2.0
//
// The target of the symbolize tests: it parks in a call chain that the tests
// know, writes a Parked to stdout and waits for stdin to close. The functions
// and the line numbers that are looked for are marked; the lines are found by
// their marks.
//
//   parked_program                 parks in the chain
//   parked_program PLUGIN          parks once, is told to go on by a byte,
//                                  then loads PLUGIN and parks in it
#define PARK_HERE_IMPLEMENTATION
#include "park_here.h"

#include <unistd.h>

#include <cstddef>

#ifndef PARKED_STATIC
#include <dlfcn.h>
#endif

// Not to be inlined, cloned or called as a tail.
#define KEEP __attribute__((noinline, noclone, used))
#ifdef __clang__
#undef KEEP
#define KEEP __attribute__((noinline, used))
#endif

namespace {
volatile int after_call;
}  // namespace

// Returns after a byte from the test; ends when the test closes the pipe.
extern "C" KEEP void park_wait(const Parked* parked) {
  char byte = 0;
  if (::write(1, parked, sizeof *parked) != sizeof *parked) ::_exit(1);
  if (::read(0, &byte, 1) != 1) ::_exit(0);
}

namespace demo {

template <typename T>
class Channel {
 public:
  KEEP void send(T value) {
    last_ = value;
    park_here(&parked_);  // line: send
    after_call = 1;
  }

 private:
  T last_{};
  Parked parked_;
};

static Channel<long> channel;

// Inlined twice over: the outer into query_all's lambda, the inner into that.
__attribute__((always_inline)) static inline void inner_query(long value) {
  channel.send(value);  // line: inner_query
  after_call = 2;
}

__attribute__((always_inline)) static inline void outer_query(long value) {
  inner_query(value + 1);  // line: outer_query
  after_call = 3;
}

// Its stack is realigned, and both its frame and its arguments on the stack are
// of use, so the compiler describes the CFA by an expression.
KEEP int realigned(int a, int b, int c, int d, int e, int f, int g, int h) {
  alignas(64) volatile char buffer[128];
  auto* more = static_cast<volatile char*>(__builtin_alloca(static_cast<size_t>(a + b)));
  more[0] = 1;
  buffer[0] = static_cast<char>(a + b + c + d);
  auto query = [&](long value) KEEP {
    outer_query(value);  // line: lambda
    after_call = 4;
  };
  query(e + f);  // line: realigned
  buffer[1] = static_cast<char>(g + h);
  return buffer[0] + buffer[1] + more[0] + g + h;
}

// A lambda that is only ever inlined has no symbol, and so no linkage name.
KEEP int through_lambda() {
  auto inlined = [](int value) __attribute__((always_inline)) {
    const int result = realigned(1, 2, 3, 4, 5, 6, 7, value);  // line: inlined lambda
    after_call = 8;
    return result;
  };
  const int result = inlined(after_call);  // line: through_lambda
  after_call = 9;
  return result;
}

KEEP int recurse(int depth) {
  // Registers that must survive make each frame save some.
  int sum = depth > 0 ? recurse(depth - 1) : through_lambda();
  after_call = sum;
  return sum + depth;
}

KEEP int handle_request(int depth) {
  const int result = recurse(depth);  // line: handle_request
  after_call = result;
  return result;
}

#ifndef PARKED_STATIC
KEEP int run_plugin(const char* path) {
  Parked parked;
  park_here(&parked);
  void* plugin = ::dlopen(path, RTLD_NOW);
  if (plugin == nullptr) return 2;
  auto entry = reinterpret_cast<void (*)(void (*)(Parked*))>(::dlsym(plugin, "plugin_entry"));
  entry(park_here);
  after_call = 6;
  return 0;
}
#endif

}  // namespace demo

int main(int argc, char** argv) {
#ifndef PARKED_STATIC
  if (argc > 1) {
    const int status = demo::run_plugin(argv[1]);
    after_call = 7;
    return status;
  }
#endif
  (void)argv;
  const int result = demo::handle_request(argc + 1);
  after_call = 5;
  return result & 1;
}
