// SPDX-License-Identifier: Apache-2.0
// A cache that fills up and stops: a plateau, not a leak.
//
// Wrong:   nothing, but it looks like a leak at first: each key that is asked for the
//          first time gets a coroutine that keeps its value fresh. There are 100 keys.
// Fix:     the cache is filled before the first request comes.
// Verdict: plateau, "sleep" in keep_fresh: grows by 1 a round up to 100, then no more.
//          Not a leak. Fixed: steady, 100 from the start.
#include <atomic>
#include <map>
#include <string>

#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

constexpr int keys = 100;
std::map<int, std::string> cache;

[[noreturn]] void keep_fresh(int key) {
  for (;;) {
    coro::sleep_for(1s + key * 1ms);
    // ask for the value again
  }
}

void look_up(int key) {
  if (!cache.emplace(key, "value").second) return;
  coro::go([key] { keep_fresh(key); });
}

void warm_up() {
  if (!gallery::fixed) return;
  for (int key = 0; key < keys; ++key) look_up(key);
}

void handle_request() {
  static int request = 0;
  look_up(request++ % keys);
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = handle_request, .start = warm_up});
}
