// SPDX-License-Identifier: Apache-2.0
// What the daemon answers, from the view and by looking at a process anew.
#pragma once

#include <condition_variable>
#include <mutex>

#include "daemon/host.h"
#include "daemon/http_server.h"

namespace coroscope::daemon {

// Answers one request; may be called by several threads at once.
//
//   /                         the page (page.h) for a browser, else what there is
//   /healthz                  200 while looks go on, else 503
//   /readyz                   200 once all processes were looked for
//   /metrics                  for Prometheus
//   /api/v1/processes         [process]
//   /api/v1/processes/PID     the same of one, with all its findings and stacks
//   /api/v1/verdicts          [finding], of all processes: faults, and what may become one
//   /api/v1/stacks/ID         the frames of a stack that a series or a finding names
//   /api/v1/services...       of history_api.h
//   /debug/pprof/goroutine    ?pid=&debug=: a profile of that process, in the forms of Go's;
//                             &seconds=: of what is other after so long
class Api {
 public:
  // `interval_ns`: between two looks, by which it is told whether they go on. `history` is the
  // path of the database; empty: there is none.
  Api(const Published& published, uint64_t interval_ns, std::string history = {})
      : published_(published), interval_ns_(interval_ns), history_(std::move(history)) {}

  Response answer(const Request& request);

  // Who waits for a profile of some seconds gets none any more. To be called before the threads
  // that answer are waited for.
  void end();

 private:
  Response health(const HostView& view) const;
  Response profile(const HostView& view, const Request& request);
  Response change(const ProcessView& process, const Request& request);
  bool wait(uint64_t ns, const Request& request);

  const Published& published_;
  uint64_t interval_ns_;
  std::string history_;
  std::mutex profiling_;  // one at a time: it takes memory and time

  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  int waiting_ = 0;  // for the second look of a profile of some seconds
};

}  // namespace coroscope::daemon
