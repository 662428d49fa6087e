// SPDX-License-Identifier: Apache-2.0
#include "symbolize/demangle_cost.h"

#include "symbolize/demangle_sizer.h"

namespace coroscope {
namespace demangling {

Size Sizer::encoding() {
  const Level level(this);
  encodings_++;
  if (failed_) return {};
  Size size{node, 0};
  if (peek() == 'T' || (peek() == 'G' && among(peek(1), "VRT"))) return special_name();
  size += name();
  while (!failed_ && at_ < text_.size() && !among(peek(), "E.")) size += type();
  return size;
}

Size Sizer::special_name() {
  Size size{node, 0};
  if (take("GTt") || take("GTn")) {
    size += encoding();
    return size;
  }
  if (take("GV") || take("GR")) {
    size += name();
    if (digit(peek()) || peek() == '_') sequence_end();
    return size;
  }
  if (take("TV") || take("TI") || take("TS") || take("TT")) {
    size += type();
    return size;
  }
  if (take("TW") || take("TH")) {
    size += name();
    return size;
  }
  const bool both = take("Tc");
  if (!both && !among(peek(1), "hv")) return fail();
  skip(both ? 0 : 1);
  for (int i = 0; i < (both ? 2 : 1); i++) {
    const bool is_virtual = take("v");
    if (!is_virtual && !take("h")) return fail();
    sequence_end();
    if (is_virtual) sequence_end();
  }
  size += encoding();
  return size;
}

Size Sizer::name() {
  const Level level(this);
  if (failed_) return {};
  if (peek() == 'N') return nested_name();
  if (peek() == 'Z') return local_name();
  Size size{node, 0};
  bool known = false;
  if (peek() == 'S' && peek(1) != 't') {
    size += substitution();
    known = true;
  } else {
    (void)take("St");
    size += unqualified_name();
  }
  if (peek() != 'I') return size;
  if (!known) enter(size);
  size += template_arguments();
  return size;
}

Size Sizer::nested_name() {
  Size size{node, 0};
  skip(1);
  while (among(peek(), "rVK")) skip(1);
  if (among(peek(), "RO")) skip(1);
  while (!failed_ && !take("E")) {
    const char first = peek();
    if (first == 'S') {
      size += substitution();
    } else if (first == 'I') {
      size += template_arguments();
    } else if (first == 'T') {
      size += template_parameter();
    } else if (first == 'M') {
      skip(1);
      continue;
    } else if (first == 'D' && among(peek(1), "Tt")) {
      size += type();
      continue;  // it has entered itself
    } else {
      size += unqualified_name();
    }
    if (first != 'S' && peek() != 'E') enter(size);
  }
  return size;
}

Size Sizer::local_name() {
  skip(1);
  Size size = encoding();
  size += must("E");
  if (take("s")) {
  } else {
    if (take("d")) sequence_end();
    size += name();
  }
  if (take("__")) {
    sequence_end();
  } else if (peek() == '_' && digit(peek(1))) {
    skip(2);
  }
  return size;
}

Size Sizer::source_name() {
  const uint64_t length = number();
  if (length == 0 || length > text_.size() - at_) return fail();
  skip(length);
  longest_name_ = std::max(longest_name_, length);
  return {length + node, 0};
}

Size Sizer::unqualified_name() {
  Size size{node, 0};
  (void)take("L");
  if (digit(peek())) {
    size += source_name();
  } else if (take("DC")) {
    while (!failed_ && !take("E")) size += source_name();
  } else if (peek() == 'C' || (peek() == 'D' && digit(peek(1)))) {
    const bool inherited = peek(1) == 'I';
    skip(inherited ? 3 : 2);  // the name of the class once more
    size.bytes += longest_name_;
    if (inherited) size += type();
  } else if (peek() == 'U') {
    size += unnamed();
  } else {
    size += operator_name();
  }
  while (!failed_ && take("B")) size += source_name();
  return size;
}

Size Sizer::operator_name() {
  if (take("cv")) return type();
  if (take("li")) return source_name();
  if (peek() < 'a' || peek() > 'z' || peek(1) == '\0') return fail();
  skip(2);
  return {node, 0};
}

Size Sizer::unnamed() {
  Size size{node, 0};
  if (take("Ul")) {
    size += types_up_to_end();
  } else if (!take("Ut")) {
    return fail();
  }
  sequence_end();
  return unnamed_enters_ ? enter(size) : size;
}

Size Sizer::substitution() {
  skip(1);
  if (among(peek(), "tabsiod")) {
    skip(1);
    return {standard_name, 0};
  }
  uint64_t index = 0;
  if (peek() != '_') {
    for (; digit(peek()) || (peek() >= 'A' && peek() <= 'Z'); skip(1)) {
      const char c = peek();
      index = std::min(index * 36 + uint64_t(digit(c) ? c - '0' : c - 'A' + 10), too_much);
    }
    index++;
  }
  if (!take("_") || index >= table_.size()) return fail();
  // The neighbours too: a table that is off by one must not be a way round this.
  Size size = table_[index];
  if (index > 0) size = larger(size, table_[index - 1]);
  if (index + 1 < table_.size()) size = larger(size, table_[index + 1]);
  size += {node, 0};
  return size;
}

}  // namespace demangling

uint64_t demangle_cost(std::string_view mangled) {
  using demangling::Sizer;
  if (!mangled.starts_with("_Z")) return UINT64_MAX;
  mangled.remove_prefix(2);
  uint64_t cost = 0;
  bool understood = false;
  for (const bool unnamed_enters : {false, true}) {
    Sizer first(mangled, unnamed_enters, 1);
    if (first.run() == UINT64_MAX) continue;
    understood = true;
    cost = std::max(cost, Sizer(mangled, unnamed_enters, first.longest_pack()).run());
  }
  return understood ? cost : UINT64_MAX;
}

}  // namespace coroscope
