// SPDX-License-Identifier: Apache-2.0
// The page for browsers: / and what belongs to it. It holds no data of this host, and asks the
// API for that as anybody does.
#pragma once

#include "daemon/http_server.h"

namespace coroscope::daemon {

// Whether this asks for the page, or a file of it: such a request may be answered to anybody.
bool is_page(const Request& request);

// The answer to one for which is_page() holds.
Response page_answer(const Request& request);

}  // namespace coroscope::daemon
