// SPDX-License-Identifier: Apache-2.0
// WaitGroup with a missing done.
//
// Wrong:   a count over four shards waits until each is done. A shard that is empty
//          returns early, without done(): the counter stays at 1.
// Fix:     done() is called on every way out.
// Verdict: leak, "sync.WaitGroup.Wait" in count_rows, the counter is at 1 and nobody
//          is left to call done; 1 a round. Fixed: none.
#include <atomic>

#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

constexpr int shards = 4;

int rows_of(int shard) {
  coro::sleep_for(1ms);  // the network and the work over there
  return shard == 2 ? 0 : 1000 + shard;
}

void count_shard(int shard, std::atomic<int>& total, coro::WaitGroup& group) {
  const int rows = rows_of(shard);
  if (rows == 0) {
    if (gallery::fixed) group.done();
    return;
  }
  total += rows;
  group.done();
}

void count_rows() {
  std::atomic<int> total = 0;
  coro::WaitGroup group;
  for (int shard = 0; shard < shards; ++shard) {
    group.add(1);
    coro::go([shard, &total, &group] { count_shard(shard, total, group); });
  }
  group.wait();
}

void accept_request() {
  coro::go(count_rows);
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request});
}
