// SPDX-License-Identifier: Apache-2.0
#include "cli/pause.h"

#include <fmt/format.h>
#include <poll.h>

#include <vector>

#include "util/clock.h"
#include "util/duration.h"

namespace coroscope {
namespace {

constexpr uint64_t shortest_interval_ns = 10'000'000;

}  // namespace

Result<uint64_t> parse_interval(const std::string& text) {
  const auto interval = parse_duration(text);
  if (!interval) return Error{ErrorKind::usage, "--interval: " + interval.error().message};
  const auto ns = static_cast<uint64_t>(interval->count());
  if (ns < shortest_interval_ns) {
    return Error{ErrorKind::usage,
                 fmt::format("--interval: {} is too short; the shortest is 10ms", text)};
  }
  return ns;
}

uint64_t next_look(uint64_t next_ns, uint64_t interval_ns) {
  const uint64_t now = monotonic_ns();
  return now < next_ns ? next_ns : next_ns + ((now - next_ns) / interval_ns + 1) * interval_ns;
}

Woken pause_until(uint64_t until_ns, const Fd& signals, std::span<const int> pidfds) {
  std::vector<pollfd> fds{{signals.get(), POLLIN, 0}};
  for (const int pidfd : pidfds) fds.push_back({pidfd, POLLIN, 0});
  const uint64_t now = monotonic_ns();
  const uint64_t left = until_ns > now ? until_ns - now : 0;
  const timespec timeout{static_cast<time_t>(left / 1'000'000'000),
                         static_cast<long>(left % 1'000'000'000)};
  const int ready = ppoll(fds.data(), fds.size(), &timeout, nullptr);
  if (ready > 0 && fds[0].revents) return Woken::by_signal;
  return ready > 0 ? Woken::by_target : Woken::by_time;
}

}  // namespace coroscope
