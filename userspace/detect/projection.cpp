// SPDX-License-Identifier: Apache-2.0
#include "detect/projection.h"

#include <fmt/format.h>

#include "util/duration.h"

namespace coroscope {
namespace {

// Beyond that a projection is no more than the rate.
constexpr double longest_s = 10.0 * 365 * 86'400;

std::string bytes_text(double bytes) {
  const char* unit = "B";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
    if (bytes < 1024) break;
    bytes /= 1024;
    unit = next;
  }
  return fmt::format("{:.1f} {}", bytes, unit);
}

void note(Projection& projection, const char* limit, double seconds) {
  if (seconds > longest_s) return;
  const auto in_ns = static_cast<uint64_t>(seconds * 1e9);
  if (!projection.limit.empty() && in_ns >= projection.reached_in_ns) return;
  projection.limit = limit;
  projection.reached_in_ns = in_ns;
}

}  // namespace

std::optional<Projection> project(double per_second, const Limits& limits) {
  if (!(per_second > 0)) return std::nullopt;
  Projection projection;
  if (limits.bytes_each && *limits.bytes_each > 0) {
    const double bytes_a_second = per_second * *limits.bytes_each;
    projection.bytes_an_hour = 3600 * bytes_a_second;
    if (limits.memory_left) {
      note(projection, limits.memory_of_cgroup ? "the memory of its cgroup" : "the host's memory",
           static_cast<double>(*limits.memory_left) / bytes_a_second);
    }
  }
  if (limits.table_left) {
    note(projection, "the runtime's table", static_cast<double>(*limits.table_left) / per_second);
  }
  if (!projection.bytes_an_hour && projection.limit.empty()) return std::nullopt;
  return projection;
}

std::string format(const Projection& projection) {
  std::string text;
  if (projection.bytes_an_hour) {
    text = fmt::format("{} of stacks an hour", bytes_text(*projection.bytes_an_hour));
  }
  if (projection.limit.empty()) return text;
  return fmt::format("{}{}{} is full in about {}", text, text.empty() ? "" : "; ", projection.limit,
                     format_ns(projection.reached_in_ns));
}

}  // namespace coroscope
