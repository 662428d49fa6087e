// SPDX-License-Identifier: Apache-2.0
// coroscope serve: the daemon.
#include "daemon/serve.h"

#include <fmt/format.h>

#include <tuple>

#include "cli/commands.h"
#include "cli/probes.h"
#include "cli/signals.h"
#include "proc/process.h"
#include "util/duration.h"
#include "util/text.h"

namespace coroscope {
namespace {

// What the command line says goes before what the file says.
Result<void> apply(const ServeOptions& options, daemon::Config& config) {
  if (!options.listen.empty()) {
    const auto address = daemon::parse_address(options.listen);
    if (!address) return Error{ErrorKind::usage, "--listen: " + address.error().message};
    std::tie(config.host, config.port) = *address;
  }
  if (!options.interval.empty()) {
    const auto interval = parse_duration(options.interval);
    if (!interval) return Error{ErrorKind::usage, "--interval: " + interval.error().message};
    config.interval_ns = static_cast<uint64_t>(interval->count());
    if (config.interval_ns < daemon::shortest_interval_ns) {
      return Error{ErrorKind::usage, fmt::format("--interval: the shortest is {}",
                                                 format_ns(daemon::shortest_interval_ns))};
    }
  }
  if (!options.probes.empty()) config.probes = probe_mode_of(options.probes);
  if (options.events_given) config.events = options.events;
  if (options.history_given) config.history = options.history;
  return {};
}

}  // namespace

ExitCode run_serve(const ServeOptions& options) {
  auto config = daemon::read_config(options.config);
  if (!config) return fail(config.error());
  if (auto applied = apply(options, *config); !applied) return fail(applied.error());
  if (options.check_config) {
    if (auto ignored = daemon::read_ignored(*config); !ignored) return fail(ignored.error());
    fmt::print("{} is good: {} to watch, {} to leave out\n",
               options.config.empty() ? "what is built in" : options.config,
               config->include.empty() ? "all processes"
                                       : counted(config->include.size(), "rule", "rules"),
               counted(config->exclude.size(), "rule", "rules"));
    return exit_ok;
  }
  if (auto checked = check_proc(); !checked) return fail(checked.error());
  ignore_broken_pipe();
  auto signals = catch_daemon_signals();
  if (!signals) return fail(signals.error());
  const daemon::ServeSettings settings{
      *config, options.config, [&options](daemon::Config& read) { return apply(options, read); }};
  if (auto served = daemon::serve(settings, *signals); !served) return fail(served.error());
  return exit_ok;
}

}  // namespace coroscope
