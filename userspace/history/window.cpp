// SPDX-License-Identifier: Apache-2.0
// A service over some time.
#include <algorithm>
#include <set>
#include <utility>

#include "history/database.h"
#include "history/query.h"
#include "history/rows.h"

namespace coroscope::history {
namespace {

void read_events(SQLite::Database& database, Window& window) {
  SQLite::Statement rows(database,
                         "SELECT time, service, kind, line FROM event WHERE time BETWEEN ? AND ? "
                         "AND service IN (?, '') ORDER BY time DESC, rowid DESC LIMIT ?");
  rows.bind(1, window.from);
  rows.bind(2, window.to);
  rows.bind(3, window.service.id);
  rows.bind(4, most_events + 1);
  while (rows.executeStep()) {
    window.events.push_back({rows.getColumn(0).getInt64(), rows.getColumn(1).getString(),
                             rows.getColumn(2).getString(), rows.getColumn(3).getString()});
  }
  window.events_cut = window.events.size() > static_cast<size_t>(most_events);
  if (window.events_cut) window.events.pop_back();
  std::reverse(window.events.begin(), window.events.end());
}

// The counts of one place in each process, by the number of that, and in its own steps.
struct PlaceLines {
  std::string frames;
  std::map<int64_t, std::vector<Point>> of_instance;
};

// A window that is being read.
struct Reading {
  SQLite::Database& database;
  Window window;
  Stacks stacks;
  std::map<std::string, PlaceLines> places;
  std::map<int64_t, std::vector<Point>> totals;
  std::set<int64_t> with_others;  // instances of which not all places are known
};

// Of each step the last sample, with the peak of all.
void read_samples(Reading& reading, const Instance& instance) {
  Window& window = reading.window;
  SQLite::Statement rows(
      reading.database,
      "SELECT sample.instance, sample.time, live, step.peak, spawned, exited, completeness, stacks "
      "FROM (SELECT max(time) AS time, max(peak) AS peak FROM sample WHERE instance = ?1 AND time "
      "BETWEEN ?2 AND ?3 GROUP BY time / ?4) AS step JOIN sample ON sample.instance = ?1 AND "
      "sample.time = step.time ORDER BY sample.time");
  rows.bind(1, instance.number);
  rows.bind(2, window.from);
  rows.bind(3, window.to);
  rows.bind(4, window.step);
  while (rows.executeStep()) {
    const Sample sample = sample_of(rows);
    reading.totals[instance.number].push_back({sample.time, sample.live});
    each_stack(rows.getColumn("stacks").getString(), [&](int64_t number, int64_t live) {
      const Named& named = reading.stacks.of(number);
      if (number == 0) reading.with_others.insert(instance.number);
      PlaceLines& place = reading.places[named.id];
      place.frames = named.frames;
      std::vector<Point>& points = place.of_instance[instance.number];
      const bool same = !points.empty() && points.back().time == sample.time;
      if (same) {
        points.back().live += live;
      } else {
        points.push_back({sample.time, live});
      }
    });
    window.samples.push_back(sample);
  }
}

// Such that there are at most so many in the time that something is known of.
Time step_of(const Window& window, int points) {
  Time first = window.to, last = window.from;
  for (const Instance& one : window.instances) {
    first = std::min(first, std::max(one.from, window.from));
    last = std::max(last, std::min(one.to, window.to));
  }
  return std::max<Time>(1, (last - first) / std::max(points, 1));
}

std::vector<Line> lines_of(const Window& window,
                           const std::map<int64_t, std::vector<Point>>& of_instance) {
  std::vector<Line> lines;
  for (const Instance& instance : window.instances) {
    const auto points = of_instance.find(instance.number);
    if (points != of_instance.end()) lines.push_back({&instance, points->second});
  }
  return lines;
}

// Processes that ran beside each other are told together: of each the last point up to then.
std::vector<Point> together(const std::vector<Line>& lines, Time step) {
  std::map<Time, int64_t> sums;
  for (const Line& line : lines) {
    for (const Point& point : line.points) sums[point.time / step * step] += point.live;
  }
  std::vector<Point> points;
  for (const auto& [time, live] : sums) points.push_back({time, live});
  return points;
}

// Where all places are known, one that is not among them had nobody.
void add_absent(const Reading& reading, PlaceLines& lines) {
  for (const auto& [instance, all] : reading.totals) {
    if (reading.with_others.contains(instance)) continue;
    std::vector<Point>& points = lines.of_instance[instance];
    const std::vector<Point> present = std::exchange(points, {});
    auto next = present.begin();
    for (const Point& point : all) {
      const bool there = next != present.end() && next->time == point.time;
      points.push_back(there ? *next++ : Point{point.time, 0});
    }
  }
}

void tell_places(Reading& reading) {
  Window& window = reading.window;
  for (auto& [id, lines] : reading.places) {
    add_absent(reading, lines);
    const std::vector<Line> in_order = lines_of(window, lines.of_instance);
    window.places.push_back(
        {id, lines.frames, together(in_order, window.step), trend_of(in_order)});
  }
  const auto last = [](const Place& place) { return place.points.back().live; };
  std::stable_sort(
      window.places.begin(), window.places.end(), [&last](const Place& a, const Place& b) {
        if (a.trend.grows != b.trend.grows) return a.trend.grows;
        return a.trend.grows ? a.trend.per_second > b.trend.per_second : last(a) > last(b);
      });
  window.trend = trend_of(lines_of(window, reading.totals));
  std::stable_sort(window.samples.begin(), window.samples.end(),
                   [](const Sample& a, const Sample& b) { return a.time < b.time; });
}

}  // namespace

Result<Window> Query::window(const Service& service, Time from, Time to, int points) {
  try {
    SQLite::Transaction moment(*database_);  // so that all of it is of one moment
    Reading reading{*database_, {}, Stacks(*database_), {}, {}, {}};
    reading.window.service = service;
    reading.window.from = from;
    reading.window.to = to;
    reading.window.instances = instances_between(*database_, service, from, to);
    reading.window.instances_cut =
        reading.window.instances.size() > static_cast<size_t>(most_instances);
    if (reading.window.instances_cut) {
      reading.window.instances.erase(reading.window.instances.begin());
    }
    reading.window.step = step_of(reading.window, points);
    for (const Instance& instance : reading.window.instances) read_samples(reading, instance);
    tell_places(reading);
    reading.window.gaps = gaps_between(*database_, from, to);
    read_events(*database_, reading.window);
    return std::move(reading.window);
  } catch (const SQLite::Exception& error) {
    return error_of(error, "read", database_->getFilename());
  }
}

}  // namespace coroscope::history
