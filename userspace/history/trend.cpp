// SPDX-License-Identifier: Apache-2.0
#include "history/trend.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace coroscope::history {
namespace {

constexpr size_t least_points = 8;
constexpr size_t least_points_of_line = 6;

// A rise of less is no growth worth to speak of.
constexpr double least_rise = 5;
constexpr double least_share = 0.05;

// Sums over the points so far, from which a line is fitted to any part of them.
struct Sums {
  double n = 0, t = 0, v = 0, tt = 0, tv = 0, vv = 0;

  void add(double time, double value) {
    n += 1;
    t += time;
    v += value;
    tt += time * time;
    tv += time * value;
    vv += value * value;
  }
  Sums operator-(const Sums& other) const {
    return {n - other.n, t - other.t, v - other.v, tt - other.tt, tv - other.tv, vv - other.vv};
  }
  double slope() const {
    const double spread = tt - t * t / n;
    return spread > 0 ? (tv - t * v / n) / spread : 0;
  }
  // Squares of what is left by a level, and by a line.
  double left_by_level() const { return n > 0 ? std::max(0.0, vv - v * v / n) : 0; }
  double left_by_line() const {
    const double covariance = tv - t * v / n;
    return std::max(0.0, left_by_level() - slope() * covariance);
  }
};

std::vector<Sums> sums_of(const std::vector<Point>& points) {
  std::vector<Sums> sums(1);
  for (const Point& point : points) {
    Sums next = sums.back();
    next.add(static_cast<double>(point.time - points.front().time),
             static_cast<double>(point.live));
    sums.push_back(next);
  }
  return sums;
}

// The first point of the line. One that began at the start has no level before.
size_t first_of_line(const std::vector<Sums>& sums) {
  const size_t count = sums.size() - 1;
  size_t best = 0;
  double least = std::numeric_limits<double>::max();
  for (size_t first = 0; first + least_points_of_line <= count; ++first) {
    const double left = sums[first].left_by_level() + (sums[count] - sums[first]).left_by_line();
    if (left >= least * (1 - 1e-9)) continue;
    least = left;
    best = first;
  }
  return best;
}

// Of each quarter from `first` on its lowest value.
std::array<int64_t, 4> troughs(const std::vector<Point>& points, size_t first) {
  std::array<int64_t, 4> lowest{};
  lowest.fill(std::numeric_limits<int64_t>::max());
  const size_t count = points.size() - first;
  for (size_t i = 0; i < count; ++i) {
    int64_t& quarter = lowest[i * lowest.size() / count];
    quarter = std::min(quarter, points[first + i].live);
  }
  return lowest;
}

// What goes up and down is on its way up at the end, too: it has to have left what was before.
bool rises(const std::vector<Point>& points, size_t first) {
  const std::array<int64_t, 4> lowest = troughs(points, first);
  for (size_t i = 1; i < lowest.size(); ++i) {
    if (lowest[i] <= lowest[i - 1]) return false;
  }
  for (size_t i = 0; i < first; ++i) {
    if (points[i].live >= lowest.back()) return false;
  }
  const auto rise = static_cast<double>(lowest.back() - lowest.front());
  return rise >= std::max(least_rise, least_share * static_cast<double>(lowest.front()));
}

}  // namespace

std::optional<Growth> growth_of(const std::vector<Point>& points) {
  if (points.size() < least_points) return std::nullopt;
  const std::vector<Sums> sums = sums_of(points);
  const size_t first = first_of_line(sums);
  if (rises(points, first)) {
    return Growth{true, points[first].time, (sums.back() - sums[first]).slope()};
  }
  return Growth{false, 0, sums.back().slope()};
}

namespace {

// Latest is when the line that began last did, and when the last of all ended.
struct Latest {
  Time begun = 0;
  Time end = 0;

  explicit Latest(const std::vector<Line>& lines) {
    if (!lines.empty()) begun = lines.back().instance->from;
    for (const Line& line : lines) end = std::max(end, line.instance->to);
  }
  // Whether it ran beside that one, for half of its time: then it was not that one that took its
  // place.
  bool has(const Line& line) const { return 2 * (line.instance->to - begun) >= end - begun; }
};

void add_growing(const Line& line, const Growth& growth, Trend& trend) {
  trend.since = trend.grows ? std::min(trend.since, growth.since) : growth.since;
  trend.grows = true;
  trend.build_id = line.instance->build_id;
  ++trend.processes;
}

}  // namespace

Trend trend_of(const std::vector<Line>& lines) {
  Trend trend;
  const Latest latest(lines);
  bool told = false;  // by one of the latest
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    const auto growth = latest.has(*line) ? growth_of(line->points) : std::nullopt;
    if (!growth) continue;
    told = true;
    trend.per_second += growth->per_second;
    if (growth->grows) add_growing(*line, *growth, trend);
  }
  if (told && !trend.grows) return trend;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    const auto growth = latest.has(*line) ? std::nullopt : growth_of(line->points);
    if (!growth) continue;
    if (!growth->grows) {
      const bool other_build = line->instance->build_id != trend.build_id;
      if (trend.grows && other_build) trend.grew_not_in = line->instance->build_id;
      break;
    }
    if (!trend.grows) trend.per_second = growth->per_second;
    add_growing(*line, *growth, trend);
  }
  return trend;
}

}  // namespace coroscope::history
