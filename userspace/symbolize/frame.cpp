// SPDX-License-Identifier: Apache-2.0
#include "symbolize/frame.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <memory>

namespace coroscope {
namespace {

std::string_view base_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

std::string demangle(const char* name) {
  // A longer one is not worth the time that it may take.
  constexpr size_t max_mangled = 8192;
  if (std::strncmp(name, "_Z", 2) != 0 || ::strnlen(name, max_mangled + 1) > max_mangled) {
    return std::string(name, ::strnlen(name, max_mangled));
  }
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
  return text ? std::string(text.get()) : std::string(name);
}

std::string display_location(const Frame& frame) {
  if (frame.file.empty()) return {};
  if (frame.line == 0) return std::string(base_name(frame.file));
  return fmt::format("{}:{}", base_name(frame.file), frame.line);
}

std::string display_name(const Frame& frame) {
  if (!frame.function.empty()) return short_function(frame.function);
  if (!frame.module.empty()) return fmt::format("{}+{:#x}", base_name(frame.module), frame.offset);
  return fmt::format("{:#x}", frame.address);
}

std::string format(const Frame& frame) {
  const std::string location = display_location(frame);
  return location.empty() ? display_name(frame) : display_name(frame) + " " + location;
}

}  // namespace coroscope
