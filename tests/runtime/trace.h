// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// A hash of the order in which a program with coroutines of all sorts does what it
// does in a deterministic scheduler.
std::uint64_t trace_hash(std::uint64_t seed);
