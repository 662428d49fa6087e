// SPDX-License-Identifier: Apache-2.0
#include "text_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace coro::detail {
namespace {

void write_to_file(void* context, std::string_view text) {
  const int saved_errno = errno;
  const auto file = static_cast<int>(reinterpret_cast<std::intptr_t>(context));
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  errno = saved_errno;
}

}  // namespace

TextWriter::TextWriter(int file) noexcept
    : sink_(write_to_file), context_(reinterpret_cast<void*>(std::intptr_t{file})) {}

void TextWriter::flush() {
  sink_(context_, std::string_view(buffer_, used_));
  used_ = 0;
}

TextWriter& TextWriter::operator<<(std::string_view text) {
  while (!text.empty()) {
    if (used_ == sizeof buffer_) flush();
    const std::size_t count = std::min(text.size(), sizeof buffer_ - used_);
    std::memcpy(buffer_ + used_, text.data(), count);
    used_ += count;
    text.remove_prefix(count);
  }
  return *this;
}

TextWriter& TextWriter::operator<<(std::uint64_t number) {
  char digits[24];
  const char* end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  return *this << std::string_view(digits, static_cast<std::size_t>(end - digits));
}

TextWriter& TextWriter::hex(std::uint64_t number) {
  char digits[24];
  const char* end = std::to_chars(digits, digits + sizeof digits, number, 16).ptr;
  return *this << "0x" << std::string_view(digits, static_cast<std::size_t>(end - digits));
}

TextWriter& TextWriter::duration(std::uint64_t nanoseconds) {
  constexpr std::uint64_t ms = 1'000'000;
  constexpr std::uint64_t second = 1000 * ms;
  if (nanoseconds < second) return *this << nanoseconds / ms << " ms";
  if (nanoseconds < 60 * second) {
    return *this << nanoseconds / second << "." << nanoseconds % second / (100 * ms) << " s";
  }
  return *this << nanoseconds / (60 * second) << " min";
}

}  // namespace coro::detail
