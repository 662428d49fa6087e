// SPDX-License-Identifier: Apache-2.0
#include "daemon/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace coroscope::daemon {
namespace {

bool has_label(const ProcessFacts& facts, const std::pair<std::string, std::string>& label) {
  return std::find(facts.labels.begin(), facts.labels.end(), label) != facts.labels.end();
}

bool is_found(const std::optional<Pattern>& pattern, const std::string& text) {
  return !pattern || pattern->found_in(text);
}

Error bad_address(const std::string& text) {
  return {ErrorKind::usage,
          fmt::format("'{}' is no address to listen on; write it as 127.0.0.1:9177, [::1]:9177 or "
                      ":9177",
                      text)};
}

}  // namespace

bool matches(const MatchRule& rule, const ProcessFacts& facts) {
  return is_found(rule.command, facts.command_line) && is_found(rule.cgroup, facts.cgroup) &&
         is_found(rule.container, facts.container) &&
         (rule.user.empty() || rule.user == facts.user) &&
         (!rule.label || has_label(facts, *rule.label));
}

std::string default_history() {
  const auto of = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  // Several, separated by colons, if a unit has several.
  const std::string state = of("STATE_DIRECTORY");
  if (!state.empty()) return state.substr(0, state.find(':')) + "/history.db";
  if (::geteuid() == 0) return "/var/lib/coroscope/history.db";
  const std::string home = of("XDG_STATE_HOME");
  return (home.empty() ? of("HOME") + "/.local/state" : home) + "/coroscope/history.db";
}

std::optional<Wanted> wanted(const Config& config, const ProcessFacts& facts) {
  const auto matching = [&facts](const MatchRule& rule) { return matches(rule, facts); };
  if (std::any_of(config.exclude.begin(), config.exclude.end(), matching)) return std::nullopt;
  if (config.include.empty()) return Wanted{};
  const auto rule = std::find_if(config.include.begin(), config.include.end(), matching);
  if (rule == config.include.end()) return std::nullopt;
  return Wanted{&*rule};
}

Result<std::pair<std::string, uint16_t>> parse_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return bad_address(text);
  std::string host = text.substr(0, colon);
  const char* end = text.data() + text.size();
  uint16_t port = 0;
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc() || rest != end) return bad_address(text);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return bad_address(text);
  }
  return std::pair(host.empty() ? "127.0.0.1" : host, port);
}

}  // namespace coroscope::daemon
