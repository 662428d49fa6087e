// SPDX-License-Identifier: Apache-2.0
// Writes the history: one SQLite database (https://sqlite.org), in WAL mode, so that it can be
// read meanwhile, and so that whoever is killed at any time leaves it whole.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "history/history.h"
#include "util/fd.h"
#include "util/result.h"

namespace SQLite {
class Database;
}

namespace coroscope::history {

// How exactly the past is kept: samples older than `age` are at least `step` apart. Seconds.
struct Thinning {
  Time age = 0;
  Time step = 0;
};

struct Limits {
  Time interval = 10;  // between two samples that are written; further apart is a gap
  uint64_t bytes = 256 << 20;
  Time keep = 400 * 86400;  // what is older is forgotten
  std::vector<Thinning> thinning = {{3600, 60}, {86400, 600}, {14 * 86400, 3600}};
};

// A process at one moment, as it is handed to the history.
struct SeenProcess {
  Instance instance;  // without its number; `from` is when it was attached
  Sample sample;      // without its instance; without a time it is as of the batch
  std::vector<std::pair<std::string, ReportedStack>> frames;  // of the stacks that it names
};

// All that is written together: all of it, or nothing.
struct Batch {
  Time time = 0;
  std::vector<SeenProcess> processes;  // those that are watched, and have ended; others had before
  std::vector<Event> events;
};

class Store {
 public:
  // Makes the file and its folder if they are not there. One may write to it at a time. Errors:
  // environment; it is no history, of another version, damaged, in use, or can not be written.
  static Result<std::unique_ptr<Store>> open(const std::string& path, const Limits& limits,
                                             Time now);
  // Notes that the writer ended of its own will.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Error: environment; nothing of the batch was written, which is a gap that the next batch that
  // can be written tells of.
  Result<void> write(const Batch& batch);

  // Thins, forgets what is too old, and makes room if there is too much: a bounded part of what
  // there is to do. To be called now and then. Error: environment.
  Result<void> tidy(Time now);

  uint64_t bytes() const;

 private:
  struct KnownStack {
    int64_t number = 0;
    Time told = 0;  // last use, as the database has it
  };

  Store(Fd lock, std::unique_ptr<SQLite::Database> database, Limits limits);

  void begin_run(Time now);
  void note_gaps(Time now);
  void write_processes(const Batch& batch);
  int64_t number_of(const SeenProcess& process, Time now);
  int64_t number_of_stack(const std::string& id, const SeenProcess& process, int64_t instance,
                          Time now);
  void thin(Time now);
  void forget(Time before);
  void make_room();
  void forget_numbers() {
    instances_.clear();
    stacks_.clear();
  }

  Fd lock_;
  std::unique_ptr<SQLite::Database> database_;
  Limits limits_;
  int64_t run_ = 0;
  Time last_ = 0;         // the latest batch that was written, or when this was begun
  bool written_ = false;  // there is such a batch
  std::string lost_;      // why those after it were not; empty if they were
  std::map<std::string, int64_t> instances_;  // by what they are told apart by
  std::map<std::string, KnownStack> stacks_;
  std::map<int64_t, int64_t> named_;  // stacks that an instance was the first to name
};

}  // namespace coroscope::history
