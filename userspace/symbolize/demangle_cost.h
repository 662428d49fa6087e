// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace coroscope {

// An upper bound for what the C++ name for `mangled` ("_Z...") takes to write, in
// bytes. A few hundred bytes can stand for gigabytes, because each substitution may
// repeat all that came before it twice; the demangler would write them all.
// UINT64_MAX stands for more than can be counted, or for a name that is not understood.
uint64_t demangle_cost(std::string_view mangled);

}  // namespace coroscope
