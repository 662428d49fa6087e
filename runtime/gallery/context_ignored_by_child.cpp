// SPDX-License-Identifier: Apache-2.0
// A context that a child ignores.
//
// Wrong:   a client goes away in the middle of the rows that it asked for. The request is
//          cancelled as it should be, but the coroutine that writes the rows only waits
//          for the next one, and that will never come.
// Fix:     wait for the next row or for the end of the request.
// Verdict: leak, "chan receive" in write_rows, no sender; 1 a round. Fixed: none.
#include <optional>

#include "case.h"
#include "coro/coro.h"

namespace {

using Rows = coro::Channel<int>;

void write_rows(const coro::Context& request, Rows rows) {
  for (bool more = true; more;) {
    if (gallery::fixed) {
      coro::select(coro::on_receive(rows, [&](std::optional<int> row) { more = row.has_value(); }),
                   coro::on_done(request, [&] { more = false; }));
    } else {
      more = rows.receive().has_value();
    }
    // write it
  }
}

void handle_request() {
  const auto [request, cancel] = coro::with_cancel(coro::Context::background());
  const coro::CancelGuard end_of_request(cancel);
  Rows rows(0);
  coro::go([request = request, rows] { write_rows(request, rows); });
  for (int row = 0; row < 10; ++row) {
    if (row == 5) return;  // the client went away
    rows.send(row);
  }
  rows.close();
}

void accept_request() {
  coro::go(handle_request);
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request});
}
