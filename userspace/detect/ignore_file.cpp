// SPDX-License-Identifier: Apache-2.0
// The allow list as a file.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "detect/ignore.h"
#include "util/text.h"

namespace coroscope {
namespace {

using Json = nlohmann::json;

constexpr const char* known_keys = "top, any, created_by, label, wait, reason or expires";

// What is wrong with one entry, for people.
struct BadEntry {
  std::string what;
};

std::string shown(const std::string& text) {
  return fmt::format("'{}'", shorten(printable(text), 80));
}

Pattern pattern(const std::string& key, const std::string& text) {
  auto parsed = Pattern::parse(text);
  if (!parsed) throw BadEntry{fmt::format("{}: {}", key, printable(parsed.error().message))};
  return *parsed;
}

// Also rejects 2027-02-30, which timegm makes a day in March.
std::string checked_day(const std::string& text) {
  std::tm parts{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%d", &parts);
  const std::time_t time = rest != nullptr && *rest == '\0' ? ::timegm(&parts) : -1;
  if (time < 0 || day_of(static_cast<uint64_t>(time) * 1'000'000'000) != text) {
    throw BadEntry{fmt::format("expires: {} is no date, write it as 2027-01-31", shown(text))};
  }
  return text;
}

void set(IgnoreRule& rule, const std::string& key, const std::string& text) {
  if (text.empty()) throw BadEntry{fmt::format("{} is empty, take it out", key)};
  if (key == "reason") {
    rule.reason = printable(text);
    return;
  }
  if (key == "expires") {
    rule.expires = checked_day(text);
    return;
  }
  if (key == "top") {
    rule.top = pattern(key, text);
  } else if (key == "any") {
    rule.any = pattern(key, text);
  } else if (key == "created_by") {
    rule.created_by = pattern(key, text);
  } else if (key == "wait") {
    rule.wait = text;
  } else if (key == "label") {
    rule.label = parse_label(text);
    if (!rule.label) throw BadEntry{fmt::format("label: {} is not KEY=VALUE", shown(text))};
  } else {
    throw BadEntry{fmt::format("unknown key {}, use {}", shown(key), known_keys)};
  }
  rule.asks += fmt::format("{}{} {}", rule.asks.empty() ? "" : ", ", key, shown(text));
}

IgnoreRule parse_entry(const Json& entry, const std::string& today) {
  if (!entry.is_object()) throw BadEntry{"it is no object, write {\"top\": \"REGEX\"}"};
  IgnoreRule rule;
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) {
      throw BadEntry{fmt::format("{} is no text, put it in quotes", shown(key))};
    }
    set(rule, key, value.get_ref<const std::string&>());
  }
  if (rule.asks.empty()) {
    throw BadEntry{"it would ignore everything, say what: top, any, created_by, label or wait"};
  }
  rule.expired = !rule.expires.empty() && rule.expires < today;
  return rule;
}

// nlohmann's "[json.exception.parse_error.101] parse error at line 3, column 5: ...".
std::string without_code(const std::string& message) {
  const size_t end = message.find("] ");
  return printable(end == std::string::npos ? message : message.substr(end + 2));
}

Error usage(std::string message) {
  return {ErrorKind::usage, std::move(message)};
}

}  // namespace

std::string day_of(uint64_t unix_ns) {
  return fmt::format("{:%F}", fmt::gmtime(static_cast<std::time_t>(unix_ns / 1'000'000'000)));
}

std::optional<std::pair<std::string, std::string>> parse_label(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Result<std::vector<IgnoreRule>> parse_ignore_file(const std::string& text,
                                                  const std::string& source,
                                                  const std::string& today) {
  Json json;
  try {
    json = Json::parse(text, nullptr, true, true);
  } catch (const Json::exception& error) {
    return usage(fmt::format("{}: {}", source, without_code(error.what())));
  }
  if (!json.is_object() || json.size() != 1 || !json.contains("ignore") ||
      !json["ignore"].is_array()) {
    return usage(
        fmt::format("{}: an allow list is {{\"ignore\": [...]}}, and nothing else", source));
  }
  std::vector<IgnoreRule> rules;
  for (const Json& entry : json["ignore"]) {
    const std::string place = fmt::format("{} entry {}", source, rules.size() + 1);
    try {
      rules.push_back(parse_entry(entry, today));
      rules.back().source = place;
    } catch (const BadEntry& bad) {
      return usage(fmt::format("{}: {}", place, bad.what));
    }
  }
  return rules;
}

}  // namespace coroscope
