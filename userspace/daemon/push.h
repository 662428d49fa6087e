// SPDX-License-Identifier: Apache-2.0
// Sends profiles of all processes to where they are kept, as Pyroscope takes them
// (https://grafana.com/docs/pyroscope/latest/reference-server-api/).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "util/result.h"

namespace coroscope::daemon {

struct HostView;

struct PushConfig {
  std::string url;                        // empty: nothing is sent
  uint64_t interval_ns = 60'000'000'000;  // between two profiles of a process
  std::vector<std::pair<std::string, std::string>> labels = {};  // of all that is sent

  bool operator==(const PushConfig&) const = default;
};

// Pusher takes profiles in a thread of its own, one after the other, and sends each once: the next
// one says more. All of it together takes 2% of a processor; where that does not do, profiles
// come less often. While nobody takes them, none are made but for a try now and then.
class Pusher {
 public:
  struct Figures {
    uint64_t sent = 0;
    uint64_t failed = 0;     // did not arrive
    uint64_t refused = 0;    // a status of 4xx
    uint64_t untaken = 0;    // of processes that could not be looked at
    uint64_t taking_ns = 0;  // of a processor
  };
  using View = std::function<std::shared_ptr<const HostView>()>;

  // `view` is called by that thread. Error: usage.
  static Result<std::unique_ptr<Pusher>> start(const PushConfig& config, View view);
  // Waits for a look that has begun, not for who takes profiles.
  ~Pusher();
  Pusher(const Pusher&) = delete;
  Pusher& operator=(const Pusher&) = delete;

  Figures figures() const;

 private:
  struct State;
  explicit Pusher(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Errors: usage.
Result<void> check_push_url(const std::string& url);
Result<void> check_push_label(const std::string& key, const std::string& value);

// "orders{pid=7,env=prod}": what a profile is sent as. Of a service's name only letters, digits and
// "._-" are left: it is what somebody calls his program.
std::string pushed_name(const std::string& service, pid_t pid, const PushConfig& config);

}  // namespace coroscope::daemon
