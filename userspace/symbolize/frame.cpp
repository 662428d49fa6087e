// SPDX-License-Identifier: Apache-2.0
#include "symbolize/frame.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "symbolize/demangle_cost.h"

namespace coroscope {
namespace {

std::string_view base_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

std::string demangle(const char* name) {
  constexpr size_t max_mangled = 8192;  // a longer one is not worth the time that it may take
  constexpr size_t max_shown = 4096;
  constexpr uint64_t max_cost = 1 << 20;
  const std::string_view text(name, ::strnlen(name, max_mangled + 1));
  if (!text.starts_with("_Z") || text.size() > max_mangled || demangle_cost(text) > max_cost) {
    return std::string(text.substr(0, max_shown));
  }
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> result(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
  const std::string_view shown = result ? std::string_view(result.get()) : text;
  return std::string(shown.substr(0, max_shown));
}

std::string display_name(const Frame& frame) {
  if (!frame.function.empty()) return short_function(frame.function);
  if (!frame.module.empty()) return fmt::format("{}+{:#x}", base_name(frame.module), frame.offset);
  return fmt::format("{:#x}", frame.address);
}

bool is_library_function(std::string_view function) {
  for (const std::string_view space : {"std::", "__gnu_cxx::", "__cxxabiv1::"}) {
    if (function.starts_with(space)) return true;
  }
  return false;
}

std::string format(const Frame& frame) {
  std::string text = display_name(frame);
  if (frame.file.empty()) return text;
  text.append(" ").append(base_name(frame.file));
  return frame.line == 0 ? text : fmt::format("{}:{}", text, frame.line);
}

}  // namespace coroscope
