// SPDX-License-Identifier: Apache-2.0
#include "cli/ignore.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "proc/process.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

namespace coroscope {
namespace {

using Field = std::optional<Pattern> IgnoreRule::*;

Result<void> add_patterns(const char* option, Field field, const std::vector<std::string>& texts,
                          std::vector<IgnoreRule>& rules) {
  for (const std::string& text : texts) {
    auto pattern = Pattern::parse(text);
    if (!pattern) {
      return Error{ErrorKind::usage, fmt::format("{}: {}", option, pattern.error().message)};
    }
    IgnoreRule& rule = rules.emplace_back();
    rule.*field = *pattern;
    rule.source = option;
    rule.asks = fmt::format("'{}'", printable(text));
  }
  return {};
}

Result<void> add_labels(const std::vector<std::string>& texts, std::vector<IgnoreRule>& rules) {
  for (const std::string& text : texts) {
    auto label = parse_label(text);
    if (!label) {
      return Error{ErrorKind::usage, fmt::format("--ignore-label: '{}' is not KEY=VALUE", text)};
    }
    IgnoreRule& rule = rules.emplace_back();
    rule.label = std::move(label);
    rule.source = "--ignore-label";
    rule.asks = fmt::format("'{}'", printable(text));
  }
  return {};
}

Result<void> add_file(const std::string& path, std::vector<IgnoreRule>& rules) {
  constexpr size_t most = 1 << 20;
  std::string text;
  if (!read_text_file(path, &text, most + 1)) {
    return Error{ErrorKind::usage,
                 fmt::format("--ignore-file: cannot read {}: {}", path, std::strerror(errno))};
  }
  if (text.size() > most) {
    return Error{ErrorKind::usage, fmt::format("--ignore-file: {} is larger than 1 MiB", path)};
  }
  auto read = parse_ignore_file(text, path, day_of(unix_ns()));
  if (!read) return read.error();
  for (const IgnoreRule& rule : *read) {
    if (!rule.expired) continue;
    log_warn("{} expired on {} and ignores nothing any more: {}{}{}", rule.source, rule.expires,
             rule.asks, rule.reason.empty() ? "" : ", ", rule.reason);
  }
  rules.insert(rules.end(), std::make_move_iterator(read->begin()),
               std::make_move_iterator(read->end()));
  return {};
}

}  // namespace

void add_ignore_options(CLI::App& command, IgnoreOptions& options) {
  const auto add = [&command](const char* name, std::vector<std::string>& texts, const char* help) {
    command.add_option(name, texts, help)
        ->allow_extra_args(false)
        ->group("Meant to stay (each may be repeated)");
  };
  add("--ignore-top", options.top, "REGEX in the innermost frame of the program");
  add("--ignore-any", options.any, "REGEX in any frame of where it waits");
  add("--ignore-created-by", options.created_by, "REGEX in any frame of where it was born");
  add("--ignore-label", options.labels, "KEY=VALUE");
  add("--ignore-file", options.files, "An allow list: JSON, see README");
}

Result<std::vector<IgnoreRule>> read_ignores(const IgnoreOptions& options) {
  std::vector<IgnoreRule> rules;
  auto added = add_patterns("--ignore-top", &IgnoreRule::top, options.top, rules);
  if (added) added = add_patterns("--ignore-any", &IgnoreRule::any, options.any, rules);
  if (added) {
    added = add_patterns("--ignore-created-by", &IgnoreRule::created_by, options.created_by, rules);
  }
  if (added) added = add_labels(options.labels, rules);
  for (size_t i = 0; added && i < options.files.size(); ++i) {
    added = add_file(options.files[i], rules);
  }
  if (!added) return added.error();
  return rules;
}

}  // namespace coroscope
