// SPDX-License-Identifier: Apache-2.0
// RW-mutex: a reader locks again behind a waiting writer.
//
// Wrong:   a reader of the catalogue calls another reader with the lock held. If a
//          writer has come in between, the second lock waits behind it, and the writer
//          waits for the reader: neither goes on.
// Fix:     what is called with the lock held does not lock.
// Verdict: stuck, a cycle of "sync.RWMutex.RLock" in find_price and "sync.RWMutex.Lock" in
//          update_prices; 1 of each a round, since each round has a catalogue of its
//          own. Fixed: none.
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

struct Catalogue {
  coro::RwMutex mutex;
  int cents = 199;
};

int find_price(Catalogue& catalogue) {
  std::shared_lock lock(catalogue.mutex, std::defer_lock);
  if (!gallery::fixed) lock.lock();
  return catalogue.cents;
}

void list_offers(const std::shared_ptr<Catalogue>& catalogue) {
  const std::shared_lock lock(catalogue->mutex);
  coro::sleep_for(20ms);  // meanwhile the writer comes
  find_price(*catalogue);
}

void update_prices(const std::shared_ptr<Catalogue>& catalogue) {
  coro::sleep_for(5ms);
  const std::lock_guard lock(catalogue->mutex);
  ++catalogue->cents;
}

void accept_requests() {
  const auto catalogue = std::make_shared<Catalogue>();
  coro::go([catalogue] { list_offers(catalogue); });
  coro::go([catalogue] { update_prices(catalogue); });
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_requests});
}
