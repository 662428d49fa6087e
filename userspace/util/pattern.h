// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "util/result.h"

namespace re2 {
class RE2;
}

namespace coroscope {

// Pattern is a regular expression in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax).
// What it searches may be of a target's making: it takes time linear in the text and no
// stack, whatever either holds. Copies share what was compiled.
class Pattern {
 public:
  // Error: usage; says what is wrong with `text`.
  static Result<Pattern> parse(const std::string& text);

  // Whether a part of `text` matches. What is no UTF-8 is matched as bytes.
  bool found_in(const std::string& text) const;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}

  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace coroscope
