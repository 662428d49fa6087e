// SPDX-License-Identifier: Apache-2.0
// What happens on the host, as lines of JSON: for Loki, journald and the like.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/journal.h"
#include "daemon/view.h"
#include "util/fd.h"
#include "util/result.h"

namespace coroscope::daemon {

// VerdictEvent is something new about one fault of one process.
struct VerdictEvent {
  enum class Is : uint8_t { opened, updated, closed };
  Is is = Is::opened;
  std::string id;  // of the fault: the same in every process of a service
  Verdict verdict = Verdict::steady;
  ReportedFinding finding;  // as it was last
  uint64_t opened_unix_ns = 0;
};

// FaultBook remembers the faults of one process that are open.
class FaultBook {
 public:
  // A fault that is not in a report any more is closed once it was in none for so long: at the
  // edge of being one it would come and go.
  static constexpr uint64_t closed_after_ns = 60'000'000'000;

  // What changed with this report. Of one that is withheld nothing can be said: nothing changes.
  // An open fault is updated when its members have doubled, or its verdict is another.
  std::vector<VerdictEvent> take(const TargetReport& report, uint64_t now_unix_ns);
  // The process has ended.
  std::vector<VerdictEvent> close_all();

  size_t open() const { return open_.size(); }

 private:
  struct Open {
    VerdictEvent last;
    uint64_t told_live = 0;
    uint64_t seen_unix_ns = 0;
  };
  std::map<std::string, Open> open_;  // by id
};

// What a fault is the same by: its reason and places, in words, and its label.
std::string fault_id(const ReportedFinding& finding);

// Each returns one line with its newline.
std::string serving_line(const std::string& address, uint64_t unix_ns);
// Another daemon serves on this host; `pid` is 0 if it can not be seen.
std::string another_line(pid_t pid, uint64_t unix_ns);
// The config was read again: `wrong` is why it stays as it was, empty if it does not.
std::string config_line(const std::string& wrong, uint64_t unix_ns);
std::string attached_line(const ProcessView& process, uint64_t unix_ns);
std::string detached_line(const ProcessView& process, const std::string& why, uint64_t unix_ns);
std::string lost_line(const Unwatched& process, uint64_t unix_ns);
std::string verdict_line(const ProcessView& process, const VerdictEvent& event, uint64_t unix_ns);

// EventLog writes lines to where they are wanted; what could not be written is counted.
class EventLog {
 public:
  // "-" is stdout, "" nowhere, "journald" the journal, else a file that is appended to. Error:
  // usage.
  static Result<EventLog> open(const std::string& where);

  void write(const std::string& line);
  uint64_t lost() const { return lost_; }

 private:
  Fd file_;
  std::optional<Journal> journal_;
  int to_ = -1;
  uint64_t lost_ = 0;
};

}  // namespace coroscope::daemon
