// SPDX-License-Identifier: Apache-2.0
// Receive without sender: an error path that tells nobody.
//
// Wrong:   a price is worked out by another coroutine, which returns early if the
//          item is not in stock, and sends nothing. Who asked waits for ever.
// Fix:     the early return closes the channel; the receiver gets nothing, at once.
// Verdict: leak, "chan receive" in handle_request, no sender; 1 in two rounds.
//          Fixed: none.
#include "case.h"
#include "coro/coro.h"

namespace {

struct Price {
  int cents = 0;
};

bool in_stock(int item) {
  return item % 2 == 0;
}

void work_out_price(int item, coro::Channel<Price> result) {
  if (!in_stock(item)) {
    if (gallery::fixed) result.close();
    return;
  }
  result.send(Price{item * 199});
}

void handle_request(int item) {
  coro::Channel<Price> result(0);
  coro::go([item, result] { work_out_price(item, result); });
  static_cast<void>(result.receive());  // and answer the client: the price, or "not in stock"
}

void accept_request() {
  static int item = 0;
  coro::go([item = item++] { handle_request(item); });
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request});
}
