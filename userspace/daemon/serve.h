// SPDX-License-Identifier: Apache-2.0
// The daemon as a whole: one thread observes, others answer HTTP.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "detect/ignore.h"
#include "util/fd.h"
#include "util/result.h"

namespace coroscope::daemon {

// Reads a config from its file; without a path the defaults. Error: usage.
Result<Config> read_config(const std::string& path);

// What the allow list that the config names says. Error: usage.
Result<std::vector<IgnoreRule>> read_ignored(const Config& config);

// Whether this config can be served: its files are read, and it is listened for a moment. Errors:
// as of serve().
Result<void> try_serving(const Config& config);

struct ServeSettings {
  Config config;
  std::string config_path;  // read again on SIGHUP; empty: there is none
  // Changes a config that was read again as the command line changed the first one.
  std::function<Result<void>(Config&)> override_config;
};

// Serves until SIGINT or SIGTERM is readable from `signals`, a signalfd that has SIGHUP too.
// Errors: as of HttpServer::start and EventLog::open.
Result<void> serve(const ServeSettings& settings, const Fd& signals);

}  // namespace coroscope::daemon
