// SPDX-License-Identifier: Apache-2.0
// What `coroscope serve` is told: one file in TOML (https://toml.io), all of it optional.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/process_facts.h"
#include "history/store.h"
#include "model/probe_mode.h"
#include "util/pattern.h"
#include "util/result.h"

namespace coroscope::daemon {

// MatchRule matches a process that meets all that it asks for. Patterns are RE2's, and
// searched for in the text.
struct MatchRule {
  std::optional<Pattern> command;    // the command line
  std::optional<Pattern> cgroup;     // the path of its cgroup, as /proc/PID/cgroup has it
  std::optional<Pattern> container;  // the id of its container; one without has none
  std::string user;                  // a name or a number; empty: any
  std::optional<std::pair<std::string, std::string>> label;  // see ProcessFacts::labels

  // Of a rule that includes:
  std::string service;              // what it is called; empty: by its command
  std::optional<ProbeMode> probes;  // else as of the config
  int line = 0;                     // in the file
};

bool matches(const MatchRule& rule, const ProcessFacts& facts);

// $STATE_DIRECTORY/history.db (systemd.exec(5)), else of root /var/lib/coroscope/history.db, else
// of $XDG_STATE_HOME.
std::string default_history();

inline constexpr uint64_t shortest_interval_ns = 100'000'000;

struct Config {
  uint64_t interval_ns = 1'000'000'000;  // between two looks at a process
  uint64_t scan_ns = 5'000'000'000;      // between two looks for new processes
  std::optional<ProbeMode> probes;       // else the best that a process offers
  uint32_t sample = 1;
  uint64_t patience_ns = 3'600'000'000'000;
  double completeness = 0.95;
  double false_alarms_a_day = 0.001;
  std::string ignore;  // path of an allow list; empty: none

  std::string host = "127.0.0.1";  // where HTTP is served
  uint16_t port = 9177;
  std::string token_file;    // what it holds has to come with each request; empty: nothing has to
  uint32_t top_stacks = 20;  // places of a process that have series of their own

  std::string events = "-";  // where lifecycle events go: a path, "-" stdout, "" nowhere

  std::string webhook;  // told of verdicts; empty: nobody is

  std::string history = default_history();  // path of the database; empty: none is kept
  history::Limits history_limits;

  std::vector<MatchRule> include;  // none: every process with coroutines
  std::vector<MatchRule> exclude;  // wins
};

// What a process is to the daemon: the rule that includes it, null if none has to; nothing if
// it is not to be watched.
struct Wanted {
  const MatchRule* rule = nullptr;
};
std::optional<Wanted> wanted(const Config& config, const ProcessFacts& facts);

// Reads a config. `source` is its path, for messages: "serve.toml:12:3: ...". Error: usage; the
// first thing that is wrong.
Result<Config> parse_config(const std::string& text, const std::string& source);

// "127.0.0.1:9177", "[::1]:9177", ":9177" (loopback), "localhost". Error: usage.
Result<std::pair<std::string, uint16_t>> parse_address(const std::string& text);

}  // namespace coroscope::daemon
