// SPDX-License-Identifier: Apache-2.0
// coroscope history: what the daemon kept.
#include <fmt/format.h>

#include <cstdio>

#include "cli/commands.h"
#include "cli/history_output.h"
#include "daemon/serve.h"
#include "history/json.h"
#include "history/query.h"
#include "history/when.h"
#include "util/clock.h"

namespace coroscope {
namespace {

using history::Moment;
using history::Query;
using history::Service;
using history::Time;
using history::Window;

// What a terminal has room for is less; but growth is found in these.
constexpr int points_of_text = 2000;

struct Asked {
  Service service;
  Time from = 0;
  Time to = 0;
};

ExitCode print(const std::string& text) {
  fmt::print("{}", text);
  return exit_ok;
}

Result<std::string> path_of(const HistoryOptions& options) {
  if (!options.file.empty()) return options.file;
  auto config = daemon::read_config(options.config);
  if (!config) return config.error();
  if (config->history.empty()) {
    return Error{ErrorKind::usage, options.config + " says that no history is kept"};
  }
  return config->history;
}

Result<Time> time_of(const char* option, const std::string& text, Time now) {
  auto time = history::parse_when(text, now);
  if (!time) return Error{ErrorKind::usage, fmt::format("{}: {}", option, time.error().message)};
  return time;
}

ExitCode list(Query& query, bool json) {
  auto services = query.services();
  if (!services) return fail(services.error());
  return print(json ? history::services_json(*services) : services_text(*services));
}

ExitCode show_moment(Query& query, const Asked& asked, Time time, bool json) {
  auto moment = query.moment(asked.service, time);
  if (!moment) return fail(moment.error());
  return print(json ? history::moment_json(*moment) : moment_text(*moment));
}

ExitCode show_change(Query& query, const Asked& asked, Time before, Time after, bool json) {
  auto one = query.moment(asked.service, before);
  if (!one) return fail(one.error());
  auto other = query.moment(asked.service, after);
  if (!other) return fail(other.error());
  return print(json ? history::moment_json(*one) + history::moment_json(*other)
                    : change_text(*one, *other));
}

// The last sample of the build before the one that runs now, and the latest there is.
ExitCode show_deploy(Query& query, const Asked& asked, bool json) {
  auto window = query.window(asked.service, asked.from, asked.to, 1);
  if (!window) return fail(window.error());
  if (window->instances.empty()) return print(window_text(*window));
  const history::Instance& latest = window->instances.back();
  Time before = 0;
  for (const history::Instance& one : window->instances) {
    if (one.build_id != latest.build_id) before = std::max(before, std::min(one.to, asked.to));
  }
  if (before == 0) {
    return fail({ErrorKind::usage,
                 fmt::format("{} had one build only since {}: look further back with --since",
                             asked.service.name, history::format_when(asked.from))});
  }
  return show_change(query, asked, before, std::min(latest.to, asked.to), json);
}

Result<Asked> asked_of(Query& query, const HistoryOptions& options, Time now) {
  auto service = query.service(options.service);
  if (!service) return service.error();
  const auto from = time_of("--since", options.since, now);
  if (!from) return from.error();
  const auto to = time_of("--until", options.until, now);
  if (!to) return to.error();
  if (*from > *to) return Error{ErrorKind::usage, "--since is after --until"};
  return Asked{*service, *from, *to};
}

ExitCode show(Query& query, const HistoryOptions& options, Time now) {
  const auto asked = asked_of(query, options, now);
  if (!asked) return fail(asked.error());
  if (!options.at.empty()) {
    const auto time = time_of("--at", options.at, now);
    return time ? show_moment(query, *asked, *time, options.json) : fail(time.error());
  }
  if (!options.diff.empty()) {
    const auto before = time_of("--diff", options.diff[0], now);
    if (!before) return fail(before.error());
    const auto after = time_of("--diff", options.diff[1], now);
    if (!after) return fail(after.error());
    return show_change(query, *asked, *before, *after, options.json);
  }
  if (options.deploy) return show_deploy(query, *asked, options.json);
  auto window = query.window(asked->service, asked->from, asked->to, points_of_text);
  if (!window) return fail(window.error());
  return print(options.json ? history::window_json(*window) : window_text(*window));
}

}  // namespace

ExitCode run_history(const HistoryOptions& options) {
  const auto path = path_of(options);
  if (!path) return fail(path.error());
  auto query = Query::open(*path);
  if (!query) return fail(query.error());
  const bool of_service = !options.at.empty() || !options.diff.empty() || options.deploy;
  if (options.service.empty() && of_service) {
    return fail({ErrorKind::usage, "say of which service; `coroscope history` lists them"});
  }
  if (options.service.empty()) return list(*query, options.json);
  return show(*query, options, static_cast<Time>(unix_ns() / 1'000'000'000));
}

}  // namespace coroscope
