// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coro/abi.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "proc/memory.h"
#include "targets/target.h"

namespace coroscope::coro {

// The name and labels of the coroutine `id`, whose header is at that address;
// nothing if it has none, has ended, or if they make no sense.
std::optional<Annotation> read_annotation(const Memory& memory, uint64_t header_address,
                                          uint64_t id);

// `text` is what follows a coro_annotation: as many texts as there have to be,
// each with its NUL, and nothing else.
std::optional<Annotation> parse_annotation(std::string_view text, uint32_t labels);

}  // namespace coroscope::coro
