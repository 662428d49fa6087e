// SPDX-License-Identifier: Apache-2.0
#include "bpf/libbpf_log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>

#include "util/log.h"

namespace coroscope {
namespace {

thread_local std::string last_line;

int keep_warning(libbpf_print_level level, const char* format, va_list args) {
  if (level != LIBBPF_WARN && !log_enabled(LogLevel::debug)) return 0;
  char line[1024];
  const int length = std::vsnprintf(line, sizeof line, format, args);
  if (length <= 0) return 0;
  std::string text = line;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (level == LIBBPF_WARN) last_line = text;
  log_debug("{}", text);
  return length;
}

}  // namespace

LibbpfLog::LibbpfLog() {
  last_line.clear();
  libbpf_set_print(keep_warning);
}

LibbpfLog::~LibbpfLog() = default;

std::string LibbpfLog::last_warning() const {
  constexpr std::string_view prefix = "libbpf: ";
  return last_line.starts_with(prefix) ? last_line.substr(prefix.size()) : last_line;
}

}  // namespace coroscope
