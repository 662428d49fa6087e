// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

// Asks all back ends about an order at once and returns the first answer.
//
// The channel that takes the answers is unbuffered unless `buffered`: then only
// the first answer finds a receiver, and the coroutines of the slower back ends
// wait for ever to send theirs. That is the leak of this example, and a common
// one in real programs; room for every answer is the fix.
std::string query_all(std::uint64_t order, bool buffered);
