// SPDX-License-Identifier: Apache-2.0
#include "history/query.h"

#include <fmt/format.h>

#include <set>

#include "history/database.h"
#include "history/rows.h"

namespace coroscope::history {

Query::Query(std::unique_ptr<SQLite::Database> database) : database_(std::move(database)) {}
Query::~Query() = default;
Query::Query(Query&&) noexcept = default;
Query& Query::operator=(Query&&) noexcept = default;

Result<Query> Query::open(const std::string& path) {
  auto database = open_to_read(path);
  if (!database) return database.error();
  return Query(std::move(*database));
}

Result<std::vector<KnownService>> Query::services() {
  try {
    SQLite::Statement rows(
        *database_,
        "SELECT service.*, min(instance.began) AS first, max(instance.seen) AS last, count(*) AS "
        "instances, count(DISTINCT build_id) AS builds, sum(NOT ended) AS running, "
        "coalesce(sum((SELECT live FROM sample WHERE sample.instance = instance.number AND NOT "
        "instance.ended ORDER BY time DESC LIMIT 1)), 0) AS live FROM service JOIN instance ON "
        "instance.service = service.number GROUP BY service.number ORDER BY service.name, "
        "service.id");
    std::vector<KnownService> all;
    while (rows.executeStep()) {
      all.push_back({service_of(rows), rows.getColumn("first").getInt64(),
                     rows.getColumn("last").getInt64(), rows.getColumn("live").getInt64(),
                     rows.getColumn("running").getInt64(), rows.getColumn("instances").getInt64(),
                     rows.getColumn("builds").getInt64()});
    }
    return all;
  } catch (const SQLite::Exception& error) {
    return error_of(error, "read", database_->getFilename());
  }
}

Result<Service> Query::service(const std::string& text) {
  auto all = services();
  if (!all) return all.error();
  std::vector<Service> named;
  std::set<std::string> names;
  for (const KnownService& one : *all) {
    if (one.service.id == text) return one.service;
    if (one.service.name == text) named.push_back(one.service);
    names.insert(one.service.name);
  }
  if (named.size() == 1) return named.front();
  if (named.empty()) {
    return Error{ErrorKind::usage, names.empty()
                                       ? std::string("the history has no service yet")
                                       : fmt::format("the history has no service '{}'; it has {}",
                                                     text, fmt::join(names, ", "))};
  }
  std::vector<std::string> ids;
  for (const Service& one : named) {
    ids.push_back(fmt::format("{} (user {}, cgroup {})", one.id, one.user, one.cgroup));
  }
  return Error{ErrorKind::usage, fmt::format("there are {} services '{}': name one by its id: {}",
                                             named.size(), text, fmt::join(ids, ", "))};
}

Result<Moment> Query::moment(const Service& service, Time time) {
  try {
    SQLite::Transaction at_once(*database_);
    Moment moment{service, time, {}, {}, gaps_between(*database_, time, time)};
    Stacks stacks(*database_);
    for (const Instance& instance : instances_between(*database_, service, time, time)) {
      SQLite::Statement rows(*database_,
                             "SELECT * FROM sample WHERE instance = ? AND time <= ? ORDER BY time "
                             "DESC LIMIT 1");
      rows.bind(1, instance.number);
      rows.bind(2, time);
      if (!rows.executeStep()) continue;
      Sample sample = sample_of(rows);
      each_stack(rows.getColumn("stacks").getString(), [&](int64_t number, int64_t live) {
        const Named& named = stacks.of(number);
        sample.stacks.push_back({named.id, live});
        moment.frames[named.id] = named.frames;
      });
      moment.processes.push_back({instance, std::move(sample)});
    }
    return moment;
  } catch (const SQLite::Exception& error) {
    return error_of(error, "read", database_->getFilename());
  }
}

}  // namespace coroscope::history
