// SPDX-License-Identifier: Apache-2.0
// What keeps the history small.
#include <fmt/format.h>

#include <algorithm>

#include "history/database.h"
#include "history/store.h"

namespace coroscope::history {
namespace {

// Thinned at once, so that no transaction takes long.
constexpr Time thinned_at_once = 6 * 3600;

// How often at once some of the oldest is forgotten to make room.
constexpr int most_rounds = 8;

Time time_of(SQLite::Database& database, const std::string& query) {
  return database.execAndGet(query).getInt64();
}

uint64_t pragma_of(SQLite::Database& database, const char* name) {
  return static_cast<uint64_t>(database.execAndGet(fmt::format("PRAGMA {}", name)).getInt64());
}

// Leaves of each instance's samples the last one of each step, with the peak of all of them.
void thin_between(SQLite::Database& database, Time from, Time to, Time step) {
  const std::string between = fmt::format("sample.time >= {} AND sample.time < {}", from, to);
  database.exec(
      fmt::format("CREATE TEMP TABLE kept AS SELECT instance, max(time) AS time, "
                  "max(peak) AS peak FROM sample WHERE {} GROUP BY instance, time / {}",
                  between, step));
  database.exec("CREATE INDEX temp.kept_by_time ON kept(instance, time)");
  database.exec(
      fmt::format("DELETE FROM sample WHERE {} AND NOT EXISTS (SELECT 1 FROM kept WHERE "
                  "kept.instance = sample.instance AND kept.time = sample.time)",
                  between));
  database.exec(
      fmt::format("UPDATE sample SET peak = kept.peak FROM kept WHERE {} AND "
                  "kept.instance = sample.instance AND kept.time = sample.time",
                  between));
  database.exec("DROP TABLE kept");
}

}  // namespace

Result<void> Store::tidy(Time now) {
  try {
    SQLite::Transaction transaction(*database_);
    thin(now);
    forget(now - limits_.keep);
    transaction.commit();
    make_room();
    database_->exec("PRAGMA incremental_vacuum");
  } catch (const SQLite::Exception& error) {
    forget_numbers();
    return error_of(error, "tidy", database_->getFilename());
  }
  return {};
}

void Store::thin(Time now) {
  for (const Thinning& level : limits_.thinning) {
    const Time end = (now - level.age) / level.step * level.step;
    Time until =
        time_of(*database_,
                fmt::format("SELECT coalesce((SELECT until FROM thinned WHERE step = {}), (SELECT "
                            "min(time) FROM sample), 0)",
                            level.step));
    until = until / level.step * level.step;
    if (until == 0 || until >= end) continue;
    const Time to = std::min(end, until + std::max(thinned_at_once, level.step));
    thin_between(*database_, until, to, level.step);
    database_->exec(fmt::format("INSERT OR REPLACE INTO thinned VALUES({}, {})", level.step, to));
  }
}

// Samples and events of before, and what only they were of.
void Store::forget(Time before) {
  const auto drop = [this, before](const char* what) {
    database_->exec(fmt::format("DELETE FROM {} < {}", what, before));
  };
  drop("sample WHERE time");
  drop("event WHERE time");
  drop("gap WHERE ended");
  drop("run WHERE ended IS NOT NULL AND seen");
  drop("instance WHERE ended AND seen");
  drop("stack WHERE seen + 7200");
  database_->exec("DELETE FROM service WHERE number NOT IN (SELECT service FROM instance)");
  forget_numbers();
}

uint64_t Store::bytes() const {
  const uint64_t pages =
      pragma_of(*database_, "page_count") - pragma_of(*database_, "freelist_count");
  return pages * pragma_of(*database_, "page_size");
}

// Of all that there is the oldest twentieth, and again.
void Store::make_room() {
  for (int round = 0; round < most_rounds && bytes() > limits_.bytes; ++round) {
    SQLite::Transaction transaction(*database_);
    const Time first = time_of(*database_, "SELECT coalesce(min(time), 0) FROM sample");
    const Time last = time_of(*database_, "SELECT coalesce(max(time), 0) FROM sample");
    forget(first + std::max<Time>((last - first) / 20, 1));
    transaction.commit();
  }
}

}  // namespace coroscope::history
