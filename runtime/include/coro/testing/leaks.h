// SPDX-License-Identifier: Apache-2.0
// Coroutines that a test leaves behind, for any test framework; leak_listener.h has it
// for GoogleTest. In the manner of Go's goleak.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "coro/debug.h"

namespace coro::testing {

// Ignore says which coroutines are meant to be left. Any predicate does; it has to
// be quick, and may be asked on any thread.
class Ignore {
 public:
  using Predicate = std::function<bool(const debug::Coroutine&)>;
  explicit Ignore(Predicate predicate) : predicate_(std::move(predicate)) {}
  [[nodiscard]] bool matches(const debug::Coroutine& coroutine) const {
    return predicate_(coroutine);
  }

 private:
  Predicate predicate_;
};

// Functions are given without parameters, return type and template arguments, and match
// with any: "pool::serve" stands for `void pool::serve<int>(int)`. Lambdas in a function
// count as it. Namespaces before it may be left out. A stripped program has no names.

// Its innermost function that is neither of this library nor of the C++ library.
struct IgnoreTopFunction : Ignore {
  explicit IgnoreTopFunction(std::string function);
};
// Any function on its stack.
struct IgnoreAnyFunction : Ignore {
  explicit IgnoreAnyFunction(std::string function);
};
// Any function on the stack that it was started from.
struct IgnoreCreatedBy : Ignore {
  explicit IgnoreCreatedBy(std::string function);
};
struct IgnoreLabel : Ignore {
  IgnoreLabel(std::string key, std::string value);
};
// Those that there are when this is made.
struct IgnoreCurrent : Ignore {
  IgnoreCurrent();
};

struct LeakOptions {
  std::vector<Ignore> ignore = {};

  // What is left gets time to end: so many looks, with pauses between them that double
  // up to the longest. As it is, about 0.8 s.
  unsigned looks = 20;
  std::chrono::nanoseconds longest_pause = std::chrono::milliseconds(100);
};

struct Leak {
  debug::Coroutine coroutine;
  bool freed = false;  // its scheduler has ended, and it with it
};

// LeakWatch finds coroutines that are born while it lives and then left: those that
// still are when it is asked, and those that a scheduler which ended meanwhile had to
// free. A scheduler with threads that ends gives them time, too, in its destructor.
// Deterministic schedulers are left out: explore() has Deadlock for that.
class LeakWatch {
 public:
  // Throws UsageError where `options` make no sense.
  explicit LeakWatch(LeakOptions options = {});
  ~LeakWatch();
  LeakWatch(const LeakWatch&) = delete;
  LeakWatch& operator=(const LeakWatch&) = delete;

  // Those that are left and not ignored. Waits as long as there are any, and options
  // allow; not to be called in a coroutine.
  [[nodiscard]] std::vector<Leak> find();

  // How many were freed beyond the thousand that are kept.
  [[nodiscard]] std::uint64_t not_kept() const;

  class State;

 private:
  std::unique_ptr<State> state_;
};

// In words: those that are alike as one entry with a count, with the state, age,
// stack, and where it was created.
[[nodiscard]] std::string describe(const std::vector<Leak>& leaks);

}  // namespace coro::testing
