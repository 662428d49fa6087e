// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "util/result.h"

namespace coroscope {

// Attaches a BPF program to a probe of this very process, passes the probe a
// few times and looks at what arrived: whether this host delivers events is
// seen, not guessed. Errors: environment, with the step that failed.
Result<void> test_event_delivery();

}  // namespace coroscope
