// SPDX-License-Identifier: Apache-2.0
// A loop that starts one more each round.
//
// Wrong:   each reload of the settings starts the coroutine that refreshes prices in
//          the background, though the one of the last reload goes on.
// Fix:     start it once.
// Verdict: leak, "sleep" in refresh_prices; 1 a round. None of them is stuck: they
//          all wake up again and again, and none ever leaves. Fixed: steady, 1.
#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

[[noreturn]] void refresh_prices() {
  for (;;) {
    coro::sleep_for(500ms);
    // ask for the prices of the day
  }
}

void reload_settings() {
  static bool refreshing = false;
  if (!gallery::fixed || !refreshing) coro::go(refresh_prices);
  refreshing = true;
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = reload_settings});
}
