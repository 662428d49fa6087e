// SPDX-License-Identifier: Apache-2.0
// The work of coro_parked.cpp, done by Boost.Fiber. Parks fewer than it is told if
// it can have no more stacks, and prints how many.
#include <boost/fiber/all.hpp>
#include <boost/fiber/pooled_fixedsize_stack.hpp>
#include <boost/fiber/protected_fixedsize_stack.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string_view>
#include <system_error>

#include "../resident.h"

namespace {

template <class Stacks>
[[noreturn]] void park(const char* kind, std::size_t count) {
  boost::fibers::unbuffered_channel<bool> never;
  const coro_bench::Memory before = coro_bench::memory_now();
  std::size_t parked = 0;
  Stacks stacks;
  try {
    for (; parked < count; ++parked) {
      boost::fibers::fiber(boost::fibers::launch::dispatch, std::allocator_arg, stacks, [&never] {
        bool value = false;
        never.pop(value);
      }).detach();
    }
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: no more than %zu stacks\n", kind, parked);
  }
  coro_bench::print_each(kind, parked, before);
  std::fflush(stdout);
  std::_Exit(0);  // and with it all that is parked
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc == 3 ? argv[1] : "";
  const long number = argc == 3 ? std::atol(argv[2]) : 0;
  const auto count = static_cast<std::size_t>(number);
  if (number > 0 && kind == "default") park<boost::fibers::default_stack>("boost-default", count);
  if (number > 0 && kind == "pooled")
    park<boost::fibers::pooled_fixedsize_stack>("boost-pooled", count);
  if (number > 0 && kind == "protected")
    park<boost::fibers::protected_fixedsize_stack>("boost-protected", count);
  std::fputs("usage: boost_parked default|pooled|protected COUNT\n", stderr);
  return 2;
}
