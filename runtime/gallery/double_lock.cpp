// SPDX-License-Identifier: Apache-2.0
// Double lock.
//
// Wrong:   a session is renewed under its lock, and calls what writes the audit line,
//          which takes the same lock again. The coroutine waits for itself.
// Fix:     what is called with the lock held does not lock.
// Verdict: stuck, "sync.Mutex.Lock" in write_audit, held by the very coroutine that
//          waits; 1 a round, since each round is a session of its own. Fixed: none.
#include <memory>
#include <mutex>

#include "case.h"
#include "coro/coro.h"

namespace {

struct Session {
  coro::Mutex mutex;
  int renewals = 0;
  int lines = 0;
};

void write_audit(Session& session) {
  std::unique_lock lock(session.mutex, std::defer_lock);
  if (!gallery::fixed) lock.lock();
  ++session.lines;
}

void renew(const std::shared_ptr<Session>& session) {
  const std::lock_guard lock(session->mutex);
  ++session->renewals;
  write_audit(*session);
}

void accept_request() {
  coro::go([session = std::make_shared<Session>()] { renew(session); });
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request});
}
