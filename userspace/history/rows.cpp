// SPDX-License-Identifier: Apache-2.0
#include "history/rows.h"

#include <algorithm>

namespace coroscope::history {
namespace {

// What was written last may be so old.
constexpr Time fresh = 60;

Instance instance_of(SQLite::Statement& row, const Service& service) {
  Instance one;
  one.number = row.getColumn("number").getInt64();
  one.service = service;
  one.pid = row.getColumn("pid").getInt();
  one.boot_id = row.getColumn("boot").getString();
  one.start_ticks = static_cast<uint64_t>(row.getColumn("start_ticks").getInt64());
  one.build_id = row.getColumn("build_id").getString();
  one.command = row.getColumn("command").getString();
  one.from = row.getColumn("began").getInt64();
  one.to = row.getColumn("seen").getInt64();
  one.ended = row.getColumn("ended").getInt() != 0;
  return one;
}

}  // namespace

Sample sample_of(SQLite::Statement& row) {
  return {row.getColumn("instance").getInt64(),
          row.getColumn("time").getInt64(),
          row.getColumn("live").getInt64(),
          row.getColumn("peak").getInt64(),
          static_cast<uint64_t>(row.getColumn("spawned").getInt64()),
          static_cast<uint64_t>(row.getColumn("exited").getInt64()),
          row.getColumn("completeness").getDouble(),
          {}};
}

Service service_of(SQLite::Statement& row) {
  return {row.getColumn("id").getString(), row.getColumn("name").getString(),
          row.getColumn("user").getString(), row.getColumn("cgroup").getString()};
}

std::vector<Instance> instances_between(SQLite::Database& database, const Service& service,
                                        Time from, Time to) {
  SQLite::Statement rows(
      database,
      "SELECT instance.* FROM instance JOIN service ON service.number = "
      "instance.service WHERE service.id = ?1 AND (instance.seen >= ?2 OR "
      "(NOT instance.ended AND instance.seen >= ?2 - ?4)) AND "
      "instance.began <= ?3 ORDER BY instance.began DESC, instance.number DESC LIMIT ?5");
  rows.bind(1, service.id);
  rows.bind(2, from);
  rows.bind(3, to);
  rows.bind(4, fresh);
  rows.bind(5, most_instances + 1);
  std::vector<Instance> all;
  while (rows.executeStep()) all.push_back(instance_of(rows, service));
  std::reverse(all.begin(), all.end());
  return all;
}

std::vector<Gap> gaps_between(SQLite::Database& database, Time from, Time to) {
  SQLite::Statement rows(database,
                         "SELECT began, ended, why FROM gap WHERE ended >= ? AND began <= ? "
                         "ORDER BY began");
  rows.bind(1, from);
  rows.bind(2, to);
  std::vector<Gap> gaps;
  while (rows.executeStep()) {
    gaps.push_back({rows.getColumn(0).getInt64(), rows.getColumn(1).getInt64(),
                    rows.getColumn(2).getString()});
  }
  return gaps;
}

}  // namespace coroscope::history
