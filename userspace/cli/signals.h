// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "util/fd.h"
#include "util/result.h"

namespace coroscope {

// Blocks SIGINT and SIGTERM and returns a descriptor that is readable once one
// of them came. Until this is called they simply end us, which is harmless.
Result<Fd> catch_termination();

// The same of a daemon: SIGHUP, too, and the descriptor is what they are taken off.
Result<Fd> catch_daemon_signals();

// Lets them end us again: for who presses Ctrl-C a second time.
void release_termination();

// Lets writing to a closed pipe be an error instead of our end.
void ignore_broken_pipe();

}  // namespace coroscope
