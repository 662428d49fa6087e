// SPDX-License-Identifier: Apache-2.0
#include "export/json_fields.h"

#include <time.h>

#include <cmath>
#include <cstdlib>

namespace coroscope {
namespace {

constexpr int64_t second_ns = 1'000'000'000;

// Of ".250Z", and of nothing, 0.
uint64_t fraction_ns(const char* text) {
  uint64_t sum = 0;
  if (*text != '.') return 0;
  for (uint64_t unit = second_ns / 10; *++text >= '0' && *text <= '9'; unit /= 10) {
    sum += unit * static_cast<uint64_t>(*text - '0');
  }
  return sum;
}

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
  if (seconds < 0 || seconds > INT64_MAX / second_ns) reject(name, "time", value);
  return static_cast<uint64_t>(seconds) * second_ns + fraction_ns(rest);
}

std::vector<std::string> texts(const Json& json, const char* name) {
  std::vector<std::string> texts;
  for (const Json& one : array(json, name)) {
    if (!one.is_string()) throw BadJson(fmt::format("'{}' holds no text", name));
    texts.push_back(printable(one.get<std::string>()));
  }
  return texts;
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
