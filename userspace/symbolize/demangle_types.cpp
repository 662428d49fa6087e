// SPDX-License-Identifier: Apache-2.0
#include "symbolize/demangle_sizer.h"

namespace coroscope::demangling {

Size Sizer::template_parameter() {
  skip(1);
  sequence_end();
  return {node, 1};
}

Size Sizer::template_arguments() {
  const Level level(this);
  Size size{node, 0};
  uint64_t count = 0;
  skip(1);
  while (!failed_ && !take("E")) {
    const Size argument = template_argument();
    argument_ = larger(argument_, argument);
    size += argument;
    count++;
  }
  last_list_ = count;
  return size;
}

Size Sizer::template_argument() {
  if (failed_) return {};
  switch (peek()) {
    case 'X': {
      skip(1);
      Size size = expression();
      size += must("E");
      return size;
    }
    case 'L':
      return literal();
    case 'I':
    case 'J': {
      const Size pack = template_arguments();
      longest_pack_ = std::max(longest_pack_, last_list_);
      return pack;
    }
    default:
      return type();
  }
}

Size Sizer::types_up_to_end() {
  Size size{node, 0};
  while (!failed_ && !take("E")) size += type();
  return size;
}

Size Sizer::name_type() {
  return enter(name());
}

Size Sizer::type() {
  const Level level(this);
  if (failed_) return {};
  Size size{node, 0};
  if (among(peek(), "rVK")) {
    while (among(peek(), "rVK")) skip(1);
    size += peek() == 'F' ? plain_type() : type();
    return enter(size);
  }
  if (among(peek(), "PROCG")) {
    skip(1);
    size += type();
    return enter(size);
  }
  if (peek() == 'F') return enter(plain_type());
  return plain_type();
}

Size Sizer::plain_type() {
  Size size{node, 0};
  const char first = peek();
  if (digit(first) || first == 'N' || first == 'Z') return name_type();
  switch (first) {
    case 'F':
      skip(1);
      (void)take("Y");
      while (!failed_ && !take("E")) {
        if (among(peek(), "RO") && peek(1) == 'E')
          skip(1);
        else
          size += type();
      }
      return size;
    case 'M':
      skip(1);
      size += type();
      size += type();
      return enter(size);
    case 'A':
      skip(1);
      if (digit(peek()))
        (void)number();
      else if (peek() != '_')
        size += expression();
      (void)must("_");
      size += type();
      return enter(size);
    case 'T':
      size += template_parameter();
      enter(size);
      if (peek() != 'I') return size;
      size += template_arguments();
      return enter(size);
    case 'S':
      if (peek(1) == 't') return name_type();
      size += substitution();
      if (peek() != 'I') return size;
      size += template_arguments();
      return enter(size);
    case 'D':
      return d_type();
    case 'u':
    case 'U':
      skip(1);
      size += source_name();
      if (peek() == 'I') size += template_arguments();
      if (first == 'U') size += type();
      return enter(size);
    default:
      if (first < 'a' || first > 'z') return fail();
      skip(1);
      return size;
  }
}

Size Sizer::d_type() {
  Size size{node, 0};
  skip(1);
  const char kind = peek();
  skip(1);
  switch (kind) {
    case 'p':
      size += type();
      return enter({multiply(size.bytes, pack_), multiply(size.parameters, pack_)});
    case 't':
    case 'T':
      size += expression();
      size += must("E");
      return enter(size);
    case 'o':
      if (peek() != 'F') return fail();
      size += plain_type();
      return enter(size);
    case 'v':
      if (digit(peek()))
        (void)number();
      else
        size += expression();
      (void)must("_");
      size += type();
      return enter(size);
    case 'F':
      (void)number();
      (void)(take("_") || take("x") || take("b"));
      return size;
    default:
      return among(kind, "defhisuacn") ? size : fail();
  }
}

Size Sizer::literal() {
  const Level level(this);
  Size size{node, 0};
  skip(1);
  if (take("_Z") || take("Z")) {
    size += encoding();
  } else {
    size += type();
    for (; !failed_ && peek() != 'E' && at_ < text_.size(); skip(1)) size.bytes++;
  }
  size += must("E");
  return size;
}

Size Sizer::expression() {
  const Level level(this);
  if (failed_) return {};
  if (peek() == 'L') return literal();
  if (peek() == 'T') return template_parameter();
  Size size{node, 0};
  if (digit(peek())) {
    size += unqualified_name();
    if (peek() == 'I') size += template_arguments();
    return size;
  }
  const std::string_view code = text_.substr(std::min(at_, text_.size()), 2);
  if (code == "sr") {
    skip(2);
    return unresolved_name();
  }
  if (code == "fp" || code == "fL") {
    skip(2);
    if (code == "fL") {
      (void)number();
      (void)must("p");
    }
    while (among(peek(), "rVK")) skip(1);
    if (!take("T")) sequence_end();
    return size;
  }
  if (code.size() < 2 || code[0] < 'a' || code[0] > 'z') return fail();
  skip(2);
  size += operands(code);
  return size;
}

// "sr <type> <name>", or "sr <name>+ E <name>".
Size Sizer::unresolved_name() {
  Size size{node, 0};
  const bool names = digit(peek());
  if (!names) size += type();
  do {
    size += unqualified_name();
    if (peek() == 'I') size += template_arguments();
  } while (!failed_ && names && peek() != 'E');
  if (!names || !(digit(peek(1)) || (peek(1) == 'o' && peek(2) == 'n'))) return size;
  skip(1);
  (void)take("on");
  size += unqualified_name();
  if (peek() == 'I') size += template_arguments();
  return size;
}

// What follows an operator, by its two letters.
Size Sizer::operands(std::string_view code) {
  Size size{node, 0};
  if (code == "st" || code == "at" || code == "ti") return type();
  if (code == "sZ") return peek() == 'T' ? template_parameter() : expression();
  if (code == "cl" || code == "il" || code == "tl") {
    if (code == "tl") size += type();
    while (!failed_ && !take("E")) size += expression();
    return size;
  }
  if (code == "cv") {
    size += type();
    if (!take("_")) {
      size += expression();
      return size;
    }
    while (!failed_ && !take("E")) size += expression();
    return size;
  }
  if (code == "sp") {
    size += expression();
    return {multiply(size.bytes, pack_), multiply(size.parameters, pack_)};
  }
  constexpr std::string_view unary = "ps ng ad de co nt nx sz az te aw ";
  constexpr std::string_view binary =
      "pl mi ml dv rm an or eo aS pL mI mL dV rM aN oR eO ls rs lS rS eq ne lt gt le ge ss aa oo "
      "cm "
      "pm pt dt ix ";
  if (code == "qu") size += expression();
  if (code == "pp" || code == "mm") {
    (void)take("_");
  } else if (code == "qu" || binary.find(code) % 3 == 0) {
    size += expression();
  } else if (code == "sc" || code == "dc" || code == "cc" || code == "rc") {
    size += type();
  } else if (unary.find(code) % 3 != 0) {
    return fail();
  }
  size += expression();
  return size;
}

}  // namespace coroscope::demangling
