// SPDX-License-Identifier: Apache-2.0
// The sub-commands. Each returns the exit code of the process.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/ignore.h"
#include "util/result.h"

namespace coroscope {

// Documented in README.md; scripts rely on them.
enum ExitCode {
  exit_ok = 0,           // nothing wrong
  exit_found = 1,        // a leak, or by diff something new and blocked, was found
  exit_usage = 2,        // the command line is wrong
  exit_environment = 3,  // this host, privilege or target does not allow it
  exit_target_gone = 4,  // the observed process has ended
};

ExitCode exit_code_of(const Error& error);

// Prints the error as one line on stderr and returns its exit code.
ExitCode fail(const Error& error);

struct WatchOptions {
  std::vector<std::string> pids;
  std::string duration;  // empty: until interrupted, or the targets end
  std::string interval = "1s";
  std::string busy = "10s";     // who runs, or could run, for longer is told
  std::string patience;         // empty: as README.md says
  double false_alarms = 0.001;  // a day
  double completeness = 0.95;   // below it verdicts are withheld
  std::string by_label;         // a key; empty: none
  std::string probes;           // empty: the best that each process offers
  std::string sample = "1/1";   // parks and unparks of one coroutine in so many
  bool parked_stacks = false;   // ask for where they park
  bool all = false;             // tell of steady populations, too
  bool json = false;
  IgnoreOptions ignore;
};
ExitCode run_watch(const WatchOptions& options);

// Texts as they were typed; empty if not given.
struct DumpOptions {
  std::string source;  // a PID, or a saved dump
  std::string by = "stack";
  std::string format = "text";
  std::string sort;    // empty: by count, or by age where there are no groups
  uint64_t limit = 0;  // 0: none
  std::vector<std::string> states;
  std::vector<std::string> reasons;
  std::vector<std::string> labels;
  std::string older_than;
  std::string waits_longer;
  std::string stack;
  std::string top;
  std::string created_by;
  bool tree = false;
};
ExitCode run_dump(const DumpOptions& options);
ExitCode run_dump_tree(const DumpOptions& options);

// Texts as they were typed; empty if not given, and then as the config says.
struct ServeOptions {
  std::string config;  // a path; empty: none
  std::string listen;
  std::string interval;
  std::string probes;
  std::string events;
  bool events_given = false;  // which may be empty
  bool check_config = false;
  std::string history;
  bool history_given = false;  // which may be empty
};
ExitCode run_serve(const ServeOptions& options);

// Times are texts of history/when.h.
struct HistoryOptions {
  std::string service;  // empty: list them
  std::string file;     // the database; empty: as the config says
  std::string config;
  std::string since = "1d";
  std::string until = "now";
  std::string at;                 // a moment; empty: not asked for
  std::vector<std::string> diff;  // two moments, or none
  bool deploy = false;
  bool json = false;
};
ExitCode run_history(const HistoryOptions& options);

struct StatOptions {
  std::string pid;
  std::string interval = "1s";
  std::string duration;  // empty: until interrupted, or the target ends
  uint64_t count = 0;    // lines; 0: no end
  bool json = false;
};
ExitCode run_stat(const StatOptions& options);

struct DiffOptions {
  std::string first;   // a PID, or a saved dump
  std::string second;  // the same; or empty, and then one of:
  std::string after;   // how long after the first the process is dumped again
  std::string during;  // a command that runs between the two
  bool json = false;
  IgnoreOptions ignore;
};
ExitCode run_diff(const DiffOptions& options);

struct VerifyOptions {
  std::vector<std::string> command;
  std::string at;        // a line of its stdout: look then; empty: look at the end
  std::string at_start;  // another: who is there then is not left behind
  std::string grace = "1s";
  std::string junit;  // a file; empty: none
  bool json = false;
  IgnoreOptions ignore;
};
// Also the command's own exit code, if it fails.
ExitCode run_verify(const VerifyOptions& options);
// A verdict, or a file that watch --json wrote; empty: all verdicts.
ExitCode run_explain(const std::string& what);

ExitCode run_ps(bool json);
// `pid` as it was typed; empty: of the host only.
ExitCode run_doctor(const std::string& pid, bool json);

}  // namespace coroscope
