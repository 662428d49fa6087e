// SPDX-License-Identifier: Apache-2.0
// Hands what the daemon sees to the history, from a thread of its own: a disk that is slow, full
// or gone holds nobody up.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/view.h"
#include "history/store.h"

namespace coroscope::daemon {

class Historian {
 public:
  // What waits for a disk that is slow, at most.
  static constexpr size_t most_waiting = 16;

  Historian(std::string path, const history::Limits& limits);
  // Writes what waits, if that takes less than a second; then somebody else may be told of it.
  ~Historian();
  Historian(const Historian&) = delete;
  Historian& operator=(const Historian&) = delete;

  // What is watched now. Writes it if it is time to; never waits.
  void see(const HostView& view);
  // The last that is known of a process. `ended`: not just our watching of it.
  void see_last(const ProcessView& process, bool ended);
  // `process`: whose it is; null: the daemon's own. `line` is of lifecycle.h.
  void note(const ProcessView* process, const std::string& line);

  HistoryFigures figures() const;

 private:
  struct State;

  void add(const ProcessView& process);

  std::shared_ptr<State> state_;  // shared with a thread that may hang in a write
  history::Limits limits_;
  history::Batch next_;
  std::map<std::pair<pid_t, uint64_t>, int64_t> peaks_;  // by pid and start_ticks
  int64_t written_at_ = 0;  // number of the interval that was written last
};

}  // namespace coroscope::daemon
