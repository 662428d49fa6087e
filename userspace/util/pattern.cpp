// SPDX-License-Identifier: Apache-2.0
#include "util/pattern.h"

#include <fmt/format.h>
#include <re2/re2.h>

namespace coroscope {

Result<Pattern> Pattern::parse(const std::string& text) {
  RE2::Options options;
  options.set_log_errors(false);
  auto compiled = std::make_shared<const RE2>(text, options);
  if (!compiled->ok()) {
    return Error{ErrorKind::usage,
                 fmt::format("'{}' is no regular expression: {}", text, compiled->error())};
  }
  return Pattern(std::move(compiled));
}

bool Pattern::found_in(const std::string& text) const {
  return RE2::PartialMatch(text, *compiled_);
}

}  // namespace coroscope
