// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace coro_bench {

// Calls f with so many frames between. Frames that a compiler could leave out, by a
// tail call or by inlining, would not be there to be walked.
template <class F>
[[gnu::noinline]] void at_depth(int frames, F& f) {
  if (frames == 0) {
    f();
  } else {
    at_depth(frames - 1, f);
  }
  asm volatile("" ::: "memory");
}

}  // namespace coro_bench
