// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "model/window.h"
#include "util/result.h"

namespace coroscope {

// Takes what was noted of a target out of the map `windows`, which has at most
// `max_entries`. Nobody notes of that target meanwhile.
Result<Noted> take_window(int fd, uint32_t max_entries, uint32_t target);

}  // namespace coroscope
