// SPDX-License-Identifier: Apache-2.0
// Asks the history. It may be written meanwhile.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "history/history.h"
#include "history/trend.h"
#include "util/result.h"

namespace SQLite {
class Database;
}

namespace coroscope::history {

struct KnownService {
  Service service;
  Time from = 0;
  Time to = 0;
  int64_t live = 0;  // of those that run: as of their last samples
  int64_t running = 0;
  int64_t instances = 0;
  int64_t builds = 0;
};

// One place, as it was born at, in all processes of a service.
struct Place {
  std::string id;
  std::string frames;         // JSON, innermost first
  std::vector<Point> points;  // all processes together
  Trend trend;
};

struct Window {
  Service service;
  Time from = 0;
  Time to = 0;
  Time step = 1;                    // between the points of it
  std::vector<Instance> instances;  // in the order in which they began: the latest
  bool instances_cut = false;       // there were more than most_instances
  std::vector<Sample> samples;      // without stacks, by time
  std::vector<Place> places;        // the most lively first
  Trend trend;                      // of all that a process has
  std::vector<Gap> gaps;
  std::vector<Event> events;  // of this service and of the daemon; the latest most_events
  bool events_cut = false;
};
inline constexpr int most_events = 1000;

// What there was at one time: in each process that ran, as of its last sample up to then.
struct Moment {
  Service service;
  Time time = 0;  // asked for
  struct Process {
    Instance instance;
    Sample sample;
  };
  std::vector<Process> processes;
  std::map<std::string, std::string> frames;  // JSON, by the stack's id
  std::vector<Gap> gaps;                      // that this time is in
};

// Not for several threads at once. Errors of all: environment.
class Query {
 public:
  static Result<Query> open(const std::string& path);
  ~Query();
  Query(Query&&) noexcept;
  Query& operator=(Query&&) noexcept;

  Result<std::vector<KnownService>> services();
  // By id or by name. Error: usage, too; there is none, or several have that name.
  Result<Service> service(const std::string& text);
  // At most `points` of each place.
  Result<Window> window(const Service& service, Time from, Time to, int points);
  Result<Moment> moment(const Service& service, Time time);

 private:
  explicit Query(std::unique_ptr<SQLite::Database> database);
  std::unique_ptr<SQLite::Database> database_;
};

}  // namespace coroscope::history
