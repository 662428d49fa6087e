// SPDX-License-Identifier: Apache-2.0
// What the daemon answers from its history.
#pragma once

#include <optional>
#include <string>

#include "daemon/http_server.h"

namespace coroscope::daemon {

// `path` is that of the database. Answers, or nothing if the request is not about the past:
//
//   /api/v1/services                    what the history has
//   /api/v1/services/ID/history         ?from=&to=&points=: seconds since 1970, or as a person
//                                       writes them (when.h); the last hour, and 400 of each stack
//   /api/v1/services/ID/at              ?time=: what there was then; now, if it is not given
std::optional<Response> answer_history(const std::string& path, const Request& request);

}  // namespace coroscope::daemon
