// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "util/fd.h"
#include "util/result.h"

namespace coroscope {

// Blocks SIGINT and SIGTERM for good and returns a descriptor that is readable
// once one of them came.
Result<Fd> catch_termination();

// Lets writing to a closed pipe be an error instead of our end.
void ignore_broken_pipe();

}  // namespace coroscope
