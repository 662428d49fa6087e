// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/dump.h"

namespace coroscope {

// Adds the verdict "may leak" on places of which the ages of those who wait tell that they came
// at an even rate for most of the process's life. Whether any leaves, one dump can not tell.
// Not on a place that has a verdict.
void add_may_leak(Dump& dump);

}  // namespace coroscope
