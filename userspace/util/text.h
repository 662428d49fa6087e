// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace coroscope {

// What a target chose (its name, its arguments, its function names) must not
// drive a terminal: control characters (C0, DEL, C1) and bytes that are not
// UTF-8 become '?'.
std::string printable(std::string text);

// At most `most` bytes, with "..." for what was cut off. Never ends inside a
// UTF-8 sequence.
std::string shorten(std::string text, size_t most);

// "1 worker", "3 workers".
std::string counted(uint64_t count, const char* one, const char* many);

}  // namespace coroscope
