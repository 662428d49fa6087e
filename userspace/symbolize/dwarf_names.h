// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <elfutils/libdw.h>

#include <string>

namespace coroscope {

// The mangled name that DWARF has for a function, or null. Not every function
// has one: C has none, and compilers leave it out where no symbol is made.
const char* linkage_name(Dwarf_Die* die);

// The name by the scopes that the function stands in: "demo::Pool::run". Slow (it
// searches the unit for those scopes); for functions without linkage name.
std::string qualified_name(Dwarf_Die* die);

}  // namespace coroscope
