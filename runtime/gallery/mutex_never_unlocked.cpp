// SPDX-License-Identifier: Apache-2.0
// A mutex that is locked and never unlocked.
//
// Wrong:   a withdrawal that the balance does not cover returns early, and leaves the
//          account locked. Every later request for it waits for ever.
// Fix:     unlock on every way out, as std::lock_guard does.
// Verdict: stuck, "sync.Mutex.Lock" in withdraw, held by a coroutine that has exited;
//          1 a round, from the second one on. Fixed: none.
#include "case.h"
#include "coro/coro.h"

namespace {

struct Account {
  coro::Mutex mutex;
  int balance = 100;
};

Account account;

bool withdraw(int amount) {
  account.mutex.lock();
  if (amount > account.balance) {
    if (gallery::fixed) account.mutex.unlock();
    return false;
  }
  account.balance -= amount;
  account.mutex.unlock();
  return true;
}

void accept_request() {
  coro::go([] { withdraw(1000); });
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request});
}
