// SPDX-License-Identifier: Apache-2.0
#include "util/text.h"

#include <fmt/format.h>

namespace coroscope {

namespace {

unsigned char byte(const std::string& text, size_t at) {
  return static_cast<unsigned char>(text[at]);
}

// Bytes of the well-formed UTF-8 sequence at a place; 0 if there is none
// (Unicode 15, table 3-7).
size_t sequence_length(const std::string& text, size_t at) {
  const unsigned char first = byte(text, at);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() - at < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(text, at + i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte(text, at + 1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) {
    return 0;
  }
  return length;
}

bool is_control(const std::string& text, size_t at, size_t length) {
  const unsigned char first = byte(text, at);
  if (length == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && byte(text, at + 1) < 0xa0;
}

}  // namespace

std::string printable(std::string text) {
  std::string result;
  result.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t length = sequence_length(text, at);
    if (length == 0 || is_control(text, at, length)) {
      result += '?';
    } else {
      result.append(text, at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return result;
}

std::string shorten(std::string text, size_t most) {
  constexpr size_t dots = 3;
  if (text.size() <= most) return text;
  size_t end = most > dots ? most - dots : 0;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

std::string counted(uint64_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace coroscope
