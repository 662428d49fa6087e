// SPDX-License-Identifier: Apache-2.0
// Since when something grows, and how fast: of counts over time. Descriptive; whether it is a
// leak is for the verdicts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "history/history.h"

namespace coroscope::history {

struct Point {
  Time time = 0;
  int64_t live = 0;
};

// How one process's count went.
struct Growth {
  bool grows = false;
  Time since = 0;         // when it began to, if it grows
  double per_second = 0;  // since then; else over all of the time
};

// Of points in the order of time. A line is fitted to the end of them, and a level to what is
// before, such that the squares of what is left are least: where they meet it began. It grows if
// its lowest values of four quarters of that time rise from each to the next, by `least` in all:
// what goes up and down does not. Nothing if there are too few points to tell.
std::optional<Growth> growth_of(const std::vector<Point>& points);

// The same place in one process after the other.
struct Line {
  const Instance* instance = nullptr;
  std::vector<Point> points;
};

// What is told of a place in a service that was started again, maybe as another build.
struct Trend {
  bool grows = false;       // in one of the latest processes that say so
  Time since = 0;           // in the first of those that grow, one after the other up to it
  double per_second = 0;    // of those that ran at the end, together
  std::string build_id;     // with which it began
  size_t processes = 0;     // in how many it grows
  std::string grew_not_in;  // the build before, if it was another and it did not grow there
};

// Of lines in the order in which their processes began.
Trend trend_of(const std::vector<Line>& lines);

}  // namespace coroscope::history
