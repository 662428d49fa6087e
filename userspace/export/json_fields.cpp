// SPDX-License-Identifier: Apache-2.0
#include "export/json_fields.h"

#include <time.h>

#include <cmath>
#include <cstdlib>

namespace coroscope {
namespace {

[[noreturn]] void reject(const char* name, const char* why, const std::string& value) {
  throw BadJson(fmt::format("'{}' is no {}: '{}'", name, why, shorten(printable(value), 40)));
}

}  // namespace

template <>
uint32_t field(const Json& json, const char* name, uint32_t otherwise) {
  const auto value = field<uint64_t>(json, name, otherwise);
  if (value > UINT32_MAX) throw BadJson(fmt::format("'{}' is {}", name, value));
  return static_cast<uint32_t>(value);
}

std::string text(const Json& json, const char* name) {
  return printable(field<std::string>(json, name));
}

uint64_t nanoseconds(const Json& json, const char* name) {
  const auto value = field<double>(json, name);
  if (!(value >= 0 && value < 9e9)) throw BadJson(fmt::format("'{}' is {}", name, value));
  return static_cast<uint64_t>(std::llround(value * 1e9));
}

uint64_t address(const Json& json, const char* name) {
  const auto value = field<std::string>(json, name);
  if (value.empty()) return 0;
  char* end = nullptr;
  const uint64_t number = std::strtoull(value.c_str(), &end, 16);
  if (!value.starts_with("0x") || end != value.c_str() + value.size()) {
    reject(name, "address", value);
  }
  return number;
}

uint64_t wall_time(const Json& json, const char* name) {
  const auto value = field<std::string>(json, name);
  if (value.empty()) return 0;
  tm parts{};
  const char* rest = ::strptime(value.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  const time_t seconds = rest ? ::timegm(&parts) : -1;
  if (seconds < 0) reject(name, "time", value);
  const double fraction = *rest == '.' ? std::strtod(rest, nullptr) : 0;
  return static_cast<uint64_t>(seconds) * 1'000'000'000 + static_cast<uint64_t>(fraction * 1e9);
}

const Json& object(const Json& json, const char* name) {
  static const Json none = Json::object();
  const auto found = json.find(name);
  if (found == json.end()) return none;
  if (!found->is_object()) throw BadJson(fmt::format("'{}' is no object", name));
  return *found;
}

const Json& array(const Json& json, const char* name) {
  static const Json none = Json::array();
  const auto found = json.find(name);
  if (found == json.end()) return none;
  if (!found->is_array()) throw BadJson(fmt::format("'{}' is no array", name));
  return *found;
}

}  // namespace coroscope
