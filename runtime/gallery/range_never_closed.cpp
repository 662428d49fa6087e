// SPDX-License-Identifier: Apache-2.0
// Range over a channel that is never closed.
//
// Wrong:   an export sends its rows to a coroutine that writes them until the channel
//          is closed. Nobody closes it: after the last row the writer waits for ever.
// Fix:     who sends closes, after the last value.
// Verdict: leak, "chan receive" in write_rows, no sender; 1 a round. Fixed: none.
#include "case.h"
#include "coro/coro.h"

namespace {

struct Row {
  int number = 0;
};

void append(const Row&) {
  // to the file
}

void write_rows(coro::Channel<Row> rows) {
  for (const Row& row : rows) append(row);
  // and close the file
}

void export_table() {
  coro::Channel<Row> rows(4);
  coro::go([rows] { write_rows(rows); });
  for (int number = 0; number < 10; ++number) rows.send(Row{number});
  if (gallery::fixed) rows.close();
}

void begin_export() {
  coro::go(export_table);
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = begin_export});
}
