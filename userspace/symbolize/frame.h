// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coroscope {

// Frame is one function on a stack, physical or inlined.
struct Frame {
  std::string function;  // demangled; empty if not known
  std::string file;      // as the compiler recorded it; empty if not known
  uint32_t line = 0;     // 0 if not known
  bool inlined = false;  // inlined into the frame that follows
  std::string module;    // path as in maps; empty if the address is in no module
  uint64_t address = 0;  // in the target
  uint64_t offset = 0;   // address as in the module's file, for addr2line; 0 without module
};

// "handle_request server.cpp:112", "libx.so+0x1234" or "0x7f0012345678": as much as is known.
std::string format(const Frame& frame);

// What stands for the frame in a column of functions: the short function name,
// else "module+0xoffset", else the address.
std::string display_name(const Frame& frame);

// A demangled name, or a signature as compilers tell it, without return type, parameters and the
// contents of template argument lists: "coro::Channel<>::send", "main::{lambda()#1}".
std::string short_function(std::string_view function);

// Of the C++ library, by such a name: in namespace std, __gnu_cxx or __cxxabiv1.
bool is_library_function(std::string_view function);

// The C++ name for a linkage name, or `name` itself if it is none or would take
// too long. At most 4096 bytes of either.
std::string demangle(const char* name);

}  // namespace coroscope
