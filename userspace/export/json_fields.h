// SPDX-License-Identifier: Apache-2.0
// Fields of JSON that somebody else wrote; for the readers of this folder only.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "export/json_parts.h"
#include "util/text.h"

namespace coroscope {

// A field is not what it has to be. What it says is for people.
struct BadJson : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// `otherwise` if there is no such field; BadJson if it is of another type.
template <typename T>
T field(const Json& json, const char* name, T otherwise = {}) {
  const auto found = json.find(name);
  if (found == json.end()) return otherwise;
  const bool good = std::is_same_v<T, bool>          ? found->is_boolean()
                    : std::is_same_v<T, std::string> ? found->is_string()
                    : std::is_same_v<T, double>      ? found->is_number()
                                                     : found->is_number_unsigned();
  if (!good) {
    // What is nested may be so deeply that nothing recursive should look at it.
    throw BadJson(fmt::format(
        "'{}' is {}", name,
        found->is_structured() ? found->type_name() : shorten(printable(found->dump()), 40)));
  }
  return found->template get<T>();
}
template <>
uint32_t field(const Json& json, const char* name, uint32_t otherwise);

// Made printable; empty if there is none.
std::string text(const Json& json, const char* name);
// Of seconds; 0 if there are none.
uint64_t nanoseconds(const Json& json, const char* name);
// Of a text like 0x7f00; 0 if there is none.
uint64_t address(const Json& json, const char* name);
// Of a text like 2026-11-21T11:30:00.123Z: ns after 1970; 0 if there is none.
uint64_t wall_time(const Json& json, const char* name);
// Made printable; empty if there is none.
std::vector<std::string> texts(const Json& json, const char* name);
// Without fields if there is none.
const Json& object(const Json& json, const char* name);
// Empty if there is none.
const Json& array(const Json& json, const char* name);

}  // namespace coroscope
