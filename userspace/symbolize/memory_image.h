// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "proc/memory.h"
#include "proc/modules.h"

namespace coroscope {

// Puts an ELF file together again from what of it is loaded, for a module that
// has no file (the vdso) or none that we may open. It has the unwind
// tables and dynamic symbols, seldom more. Empty if it can not be done.
std::vector<std::byte> read_file_image(const Memory& memory, const Module& module);

}  // namespace coroscope
