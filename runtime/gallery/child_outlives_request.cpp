// SPDX-License-Identifier: Apache-2.0
// A handler's child that outlives the request.
//
// Wrong:   an upload starts a coroutine that reports its progress until it is
//          complete. Clients go away half-way: the request is over, the upload will
//          never be complete, and the coroutine goes on reporting to nobody.
// Fix:     the child also ends when the request is over.
// Verdict: leak, "sleep" in report_progress, spawned in handle_upload, which is long
//          gone; 1 a round. Fixed: none.
#include <atomic>
#include <memory>

#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

struct Upload {
  std::atomic<int> percent = 0;
  std::atomic<bool> over = false;
};

void report_progress(const std::shared_ptr<Upload>& upload) {
  while (upload->percent < 100 && !(gallery::fixed && upload->over)) {
    coro::sleep_for(50ms);
    // tell the client
  }
}

void handle_upload() {
  const auto upload = std::make_shared<Upload>();
  coro::go([upload] { report_progress(upload); });
  while (upload->percent < 50) {  // then the client goes away
    coro::sleep_for(1ms);
    upload->percent += 10;
  }
  upload->over = true;
}

void accept_request() {
  coro::go(handle_upload);
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request});
}
