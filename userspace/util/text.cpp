// SPDX-License-Identifier: Apache-2.0
#include "util/text.h"

namespace coroscope {

std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string shorten(std::string text, size_t most) {
  constexpr size_t dots = 3;
  if (text.size() <= most) return text;
  size_t end = most > dots ? most - dots : 0;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

}  // namespace coroscope
