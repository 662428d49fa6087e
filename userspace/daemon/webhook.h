// SPDX-License-Identifier: Apache-2.0
// Tells somebody of verdicts by HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "util/result.h"

namespace coroscope::daemon {

struct WebhookTimes {
  uint64_t first_wait_ns = 1'000'000'000;  // after the first failure; then twice as long each time
  uint64_t longest_wait_ns = 300'000'000'000;
  uint64_t patience_ns = 10'000'000'000;  // with one request
};

// Webhook posts texts, one after the other, from a thread of its own. One that fails is tried
// again until it arrives; what is refused (a status of 4xx, but for 408 and 429) is not.
class Webhook {
 public:
  static constexpr size_t most_waiting = 256;

  struct Figures {
    uint64_t sent = 0;
    uint64_t failed = 0;   // tries
    uint64_t refused = 0;  // texts that whoever answers does not want
    uint64_t dropped = 0;  // the oldest ones, when too many waited
    uint64_t waiting = 0;
  };

  // "http://host:port/path", or https. Error: usage.
  static Result<std::unique_ptr<Webhook>> start(const std::string& url,
                                                const WebhookTimes& times = {});
  // What waits is not sent any more.
  ~Webhook();
  Webhook(const Webhook&) = delete;
  Webhook& operator=(const Webhook&) = delete;

  // Never waits.
  void send(std::string json);
  Figures figures() const;

 private:
  struct State;
  explicit Webhook(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Whether `url` is one that can be posted to. Error: usage.
Result<void> check_webhook_url(const std::string& url);

}  // namespace coroscope::daemon
