// SPDX-License-Identifier: Apache-2.0
// The tables. People may read them with any tool that reads SQLite; README.md shows how.
#pragma once

namespace coroscope::history {

// "coro", see PRAGMA application_id; and the version of what follows, PRAGMA user_version.
inline constexpr int application_id = 0x636f726f;
inline constexpr int schema_version = 1;

inline constexpr const char* schema = R"sql(
CREATE TABLE run(          -- of the daemon
  number INTEGER PRIMARY KEY,
  began INTEGER NOT NULL,
  seen INTEGER NOT NULL,   -- when it last wrote
  ended INTEGER            -- NULL: it goes on, or was killed
);
CREATE TABLE gap(began INTEGER NOT NULL, ended INTEGER NOT NULL, why TEXT NOT NULL);
CREATE TABLE service(
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  user TEXT NOT NULL,
  cgroup TEXT NOT NULL
);
CREATE TABLE instance(     -- a process
  number INTEGER PRIMARY KEY,
  service INTEGER NOT NULL REFERENCES service(number),
  boot TEXT NOT NULL,
  pid INTEGER NOT NULL,
  start_ticks INTEGER NOT NULL,
  build_id TEXT NOT NULL,
  command TEXT NOT NULL,
  began INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  ended INTEGER NOT NULL,  -- whether it has
  UNIQUE(boot, pid, start_ticks, build_id)
);
CREATE INDEX instance_of_service ON instance(service);
CREATE INDEX instance_that_runs ON instance(ended) WHERE ended = 0;
CREATE TABLE stack(
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  frames TEXT NOT NULL,    -- JSON, innermost first
  seen INTEGER NOT NULL    -- to the hour
);
CREATE TABLE sample(
  instance INTEGER NOT NULL REFERENCES instance(number),
  time INTEGER NOT NULL,
  live INTEGER NOT NULL,
  peak INTEGER NOT NULL,   -- since the sample before
  spawned INTEGER NOT NULL,
  exited INTEGER NOT NULL,
  completeness REAL NOT NULL,
  stacks TEXT NOT NULL,    -- JSON: [[stack.number, live], ...]; number 0: all others
  PRIMARY KEY(instance, time)
) WITHOUT ROWID;
CREATE INDEX sample_by_time ON sample(time);
CREATE TABLE event(
  time INTEGER NOT NULL,
  service TEXT NOT NULL,   -- its id; '': of the daemon
  kind TEXT NOT NULL,
  line TEXT NOT NULL       -- JSON
);
CREATE INDEX event_by_time ON event(time);
CREATE TABLE thinned(step INTEGER PRIMARY KEY, until INTEGER NOT NULL);
)sql";

}  // namespace coroscope::history
