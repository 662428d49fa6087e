// SPDX-License-Identifier: Apache-2.0
// AB-BA deadlock: two locks, taken in two orders.
//
// Wrong:   a transfer locks the account that pays, then the one that gets. Two that
//          cross, from A to B and from B to A, wait for each other for ever.
// Fix:     one order for all: here that of the addresses.
// Verdict: stuck, "sync.Mutex.Lock" in transfer, a cycle of two coroutines and two
//          locks; 2 a round, since each round has accounts of its own. Fixed: none.
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

struct Account {
  coro::Mutex mutex;
  int balance = 100;
};

struct Couple {
  Account ada;
  Account bob;
};

void transfer(Account& from, Account& to, int amount) {
  coro::Mutex* first = &from.mutex;
  coro::Mutex* second = &to.mutex;
  if (gallery::fixed && std::less<>()(second, first)) std::swap(first, second);
  const std::lock_guard lock_first(*first);
  coro::sleep_for(10ms);  // read the balance from the database
  const std::lock_guard lock_second(*second);
  from.balance -= amount;
  to.balance += amount;
}

void accept_requests() {
  const auto couple = std::make_shared<Couple>();
  coro::go([couple] { transfer(couple->ada, couple->bob, 10); });
  coro::go([couple] { transfer(couple->bob, couple->ada, 20); });
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_requests});
}
