// SPDX-License-Identifier: Apache-2.0
#include "history/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "export/json_parts.h"
#include "history/database.h"
#include "history/schema.h"
#include "util/text.h"

namespace coroscope::history {
namespace {

// What a target may take of it at most: it chooses its own names and stacks.
constexpr size_t most_text = 1024;
constexpr size_t most_frames_text = 16 << 10;
constexpr int64_t most_stacks_of_instance = 1000;

// Numbers that are remembered; then all are asked for anew.
constexpr size_t most_remembered = 65536;

// Its last use is told so often.
constexpr Time stack_told = 3600;

std::string kept_text(const std::string& text) {
  return shorten(printable(text), most_text);
}

std::string json_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The innermost frames, as many as there is room for, and that there were more.
Json kept_part(const Json& frames) {
  Json kept = Json::array();
  size_t bytes = 0;
  for (const Json& frame : frames) {
    bytes += json_text(frame).size();
    if (bytes > most_frames_text) {
      kept.push_back({{"function", "(further frames were not kept)"}});
      break;
    }
    kept.push_back(frame);
  }
  return kept;
}

std::string kept_frames(const ReportedStack& frames) {
  Json all = stack_json(frames);
  for (Json& frame : all) frame.erase("address");  // of one process alone
  return json_text(kept_part(all));
}

// A part of the text would be no JSON: it is the stacks that are long.
std::string kept_event(const std::string& text) {
  if (text.size() <= most_frames_text) return text;
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return "{}";
  for (auto& [key, value] : json.items()) {
    if (value.is_array()) value = kept_part(value);
    if (value.is_string()) value = kept_text(value.get<std::string>());
  }
  return json_text(json);
}

// Of the file itself SQLite holds locks: another one says who writes.
Result<Fd> lock_for(const std::string& path) {
  const std::string name = path + ".lock";
  Fd lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!lock) {
    return Error{ErrorKind::environment,
                 fmt::format("cannot write the history {}: {}", path, std::strerror(errno))};
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error{ErrorKind::environment,
                 fmt::format("the history {} is written by another coroscope", path)};
  }
  return lock;
}

void prepare(SQLite::Database& database) {
  // A new one, of which pages that are free again can be given back.
  if (database.execAndGet("PRAGMA page_count").getInt() == 0) {
    database.exec("PRAGMA auto_vacuum=INCREMENTAL");
  }
  database.exec("PRAGMA journal_mode=WAL");
  // Whole after a power cut, too, but for the last few seconds.
  database.exec("PRAGMA synchronous=NORMAL");
  database.exec("PRAGMA journal_size_limit=4194304");
  database.exec("PRAGMA cache_size=-1024");
  database.exec("PRAGMA temp_store=MEMORY");
}

void make_schema(SQLite::Database& database) {
  SQLite::Transaction transaction(database);
  database.exec(schema);
  database.exec(fmt::format("PRAGMA application_id={}", application_id));
  database.exec(fmt::format("PRAGMA user_version={}", schema_version));
  transaction.commit();
}

}  // namespace

Store::Store(Fd lock, std::unique_ptr<SQLite::Database> database, Limits limits)
    : lock_(std::move(lock)), database_(std::move(database)), limits_(std::move(limits)) {}

Result<std::unique_ptr<Store>> Store::open(const std::string& path, const Limits& limits,
                                           Time now) {
  std::error_code ignored;  // told by what follows
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  auto lock = lock_for(path);
  if (!lock) return lock.error();
  // Command lines are not for everybody. What SQLite puts beside it has the same rights.
  const Fd own(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  try {
    auto database = std::make_unique<SQLite::Database>(
        path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, patience_ms);
    const bool fresh = database->execAndGet("PRAGMA schema_version").getInt() == 0;
    if (fresh) {
      prepare(*database);
      make_schema(*database);
    } else {
      if (auto is = check_is_history(*database, path); !is) return is.error();
      prepare(*database);
    }
    std::unique_ptr<Store> store(new Store(std::move(*lock), std::move(database), limits));
    store->begin_run(now);
    return store;
  } catch (const SQLite::Exception& error) {
    return error_of(error, "write", path);
  }
}

Store::~Store() {
  try {
    SQLite::Statement end(*database_, "UPDATE run SET ended = seen WHERE number = ?");
    end.bind(1, run_);
    end.exec();
  } catch (const SQLite::Exception&) {
    // Then it looks as if it was killed: a gap that is told is better than one that is not.
  }
}

void Store::begin_run(Time now) {
  last_ = now;
  SQLite::Transaction transaction(*database_);
  SQLite::Statement before(*database_,
                           "SELECT seen, ended IS NULL FROM run ORDER BY number DESC LIMIT 1");
  if (before.executeStep()) {
    const Time seen = before.getColumn(0).getInt64();
    const bool killed = before.getColumn(1).getInt() != 0;
    if (killed ? now >= seen : now - seen > limits_.interval) {
      SQLite::Statement gap(*database_, "INSERT INTO gap VALUES(?, ?, ?)");
      gap.bind(1, seen);
      gap.bind(2, now);
      gap.bind(3, killed ? "the daemon was killed" : "the daemon did not run");
      gap.exec();
    }
    last_ = std::max(seen, now);  // the clock may have been set back meanwhile
  }
  SQLite::Statement run(*database_, "INSERT INTO run(began, seen) VALUES(?, ?)");
  run.bind(1, now);
  run.bind(2, now);
  run.exec();
  run_ = database_->getLastInsertRowid();
  transaction.commit();
}

void Store::note_gaps(Time now) {
  const bool back = last_ > now;
  const bool late = written_ && now - last_ > 2 * limits_.interval;
  if (!back && !late && lost_.empty()) return;
  const std::string why =
      back ? "the clock was set back: what is told of this time is of before and of after"
      : lost_.empty() ? "nothing was written: the host slept or was busy, or its clock was set"
                      : lost_;
  SQLite::Statement gap(*database_, "INSERT INTO gap VALUES(?, ?, ?)");
  gap.bind(1, std::min(last_, now));
  gap.bind(2, std::max(last_, now));
  gap.bind(3, why);
  gap.exec();
}

Result<void> Store::write(const Batch& batch) {
  try {
    SQLite::Transaction transaction(*database_);
    note_gaps(batch.time);
    write_processes(batch);
    for (const Event& event : batch.events) {
      SQLite::Statement insert(*database_, "INSERT INTO event VALUES(?, ?, ?, ?)");
      insert.bind(1, event.time);
      insert.bind(2, event.service_id);
      insert.bind(3, event.kind);
      insert.bind(4, kept_event(event.line));
      insert.exec();
    }
    SQLite::Statement run(*database_, "UPDATE run SET seen = ? WHERE number = ?");
    run.bind(1, batch.time);
    run.bind(2, run_);
    run.exec();
    transaction.commit();
  } catch (const SQLite::Exception& error) {
    // What was numbered in it is not there.
    forget_numbers();
    lost_ = fmt::format("the history could not be written: {}", error.what());
    return error_of(error, "write", database_->getFilename());
  }
  last_ = batch.time;
  written_ = true;
  lost_.clear();
  return {};
}

void Store::write_processes(const Batch& batch) {
  if (instances_.size() > most_remembered) forget_numbers();
  if (stacks_.size() > most_remembered) forget_numbers();
  std::vector<int64_t> watched;
  SQLite::Statement insert(*database_, "INSERT OR REPLACE INTO sample VALUES(?,?,?,?,?,?,?,?)");
  SQLite::Statement seen(*database_, "UPDATE instance SET seen = ?, ended = ? WHERE number = ?");
  for (const SeenProcess& process : batch.processes) {
    const Time time = process.sample.time != 0 ? process.sample.time : batch.time;
    const int64_t instance = number_of(process, time);
    if (!process.instance.ended) watched.push_back(instance);
    nlohmann::json stacks = nlohmann::json::array();
    for (const StackCount& stack : process.sample.stacks) {
      stacks.push_back({number_of_stack(stack.id, process, instance, batch.time), stack.live});
    }
    insert.bind(1, instance);
    insert.bind(2, time);
    insert.bind(3, process.sample.live);
    insert.bind(4, process.sample.peak);
    insert.bind(5, static_cast<int64_t>(process.sample.spawned));
    insert.bind(6, static_cast<int64_t>(process.sample.exited));
    insert.bind(7, process.sample.completeness);
    insert.bind(8, stacks.dump());
    insert.exec();
    insert.reset();
    seen.bind(1, time);
    seen.bind(2, process.instance.ended ? 1 : 0);
    seen.bind(3, instance);
    seen.exec();
    seen.reset();
  }
  database_->exec(
      fmt::format("UPDATE instance SET ended = 1 WHERE ended = 0 AND number NOT IN ({})",
                  fmt::join(watched, ",")));
}

int64_t Store::number_of(const SeenProcess& process, Time now) {
  const Instance& one = process.instance;
  const std::string key =
      fmt::format("{} {} {} {}", one.boot_id, one.pid, one.start_ticks, one.build_id);
  const auto known = instances_.find(key);
  if (known != instances_.end()) return known->second;

  SQLite::Statement service(*database_,
                            "INSERT INTO service(id, name, user, cgroup) VALUES(?, ?, ?, ?) ON "
                            "CONFLICT(id) DO UPDATE SET name = excluded.name RETURNING number");
  service.bind(1, one.service.id);
  service.bind(2, kept_text(one.service.name));
  service.bind(3, kept_text(one.service.user));
  service.bind(4, kept_text(one.service.cgroup));
  service.executeStep();
  SQLite::Statement instance(
      *database_,
      "INSERT INTO instance(service, boot, pid, start_ticks, build_id, command, began, seen, ended)"
      " VALUES(?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT(boot, pid, start_ticks, build_id) DO UPDATE "
      "SET ended = 0 RETURNING number");
  instance.bind(1, service.getColumn(0).getInt64());
  instance.bind(2, one.boot_id);
  instance.bind(3, one.pid);
  instance.bind(4, static_cast<int64_t>(one.start_ticks));
  instance.bind(5, one.build_id);
  instance.bind(6, kept_text(one.command));
  instance.bind(7, one.from);
  instance.bind(8, now);
  instance.executeStep();
  return instances_[key] = instance.getColumn(0).getInt64();
}

// 0, as of all others, once a process has named too many.
int64_t Store::number_of_stack(const std::string& id, const SeenProcess& process, int64_t instance,
                               Time now) {
  if (id == other_stacks) return 0;
  const auto known = stacks_.find(id);
  if (known != stacks_.end() && now - known->second.told < stack_told) return known->second.number;
  if (known == stacks_.end() && ++named_[instance] > most_stacks_of_instance) return 0;
  const auto named = std::find_if(process.frames.begin(), process.frames.end(),
                                  [&id](const auto& one) { return one.first == id; });
  SQLite::Statement insert(
      *database_,
      "INSERT INTO stack(id, frames, seen) VALUES(?, ?, ?) ON CONFLICT(id) DO UPDATE SET seen = "
      "max(seen, excluded.seen) RETURNING number");
  insert.bind(1, id);
  insert.bind(2, named == process.frames.end() ? "[]" : kept_frames(named->second));
  insert.bind(3, now);
  insert.executeStep();
  const int64_t number = insert.getColumn(0).getInt64();
  stacks_[id] = {number, now};
  return number;
}

}  // namespace coroscope::history
