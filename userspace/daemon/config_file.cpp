// SPDX-License-Identifier: Apache-2.0
// A config as a file.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "daemon/config.h"
#include "daemon/webhook.h"
#include "util/duration.h"
#include "util/text.h"
// Without exceptions an error would have no place; and nothing here writes TOML.
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace coroscope::daemon {
namespace {

// What is wrong, and where.
struct Bad : std::runtime_error {
  Bad(const toml::source_region& where, const std::string& what)
      : std::runtime_error(what), line(where.begin.line), column(where.begin.column) {}
  toml::source_index line;
  toml::source_index column;
};

// Fields reads the keys of one table, and rejects those that nobody asked for.
class Fields {
 public:
  explicit Fields(const toml::table& table) : table_(table) {}

  // Null if it is not there.
  const toml::node* find(const char* key) {
    known_.emplace_back(key);
    return table_.get(key);
  }

  // Calls f(value) if the key is there; it has to be of type T.
  template <typename T, typename F>
  void with(const char* key, const char* what, F f) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const auto value = node->value_exact<T>();
    if (!value) throw Bad(node->source(), fmt::format("{} has to be {}", key, what));
    // What is wrong with the value is told without a place.
    try {
      f(*value);
    } catch (const std::invalid_argument& error) {
      throw Bad(node->source(), fmt::format("{}: {}", key, error.what()));
    }
  }
  template <typename F>
  void text(const char* key, F f) {
    with<std::string>(key, "a text in quotes", f);
  }
  void text(const char* key, std::string* value) {
    text(key, [value](const std::string& given) { *value = given; });
  }
  void duration(const char* key, uint64_t least_ns, uint64_t* value);
  void share(const char* key, double* value);
  void count(const char* key, int64_t most, uint32_t* value);

  // A table of its own; null if it is not there.
  const toml::table* table(const char* key) {
    const toml::node* node = find(key);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) throw Bad(node->source(), fmt::format("{} has to be a table", key));
    return node->as_table();
  }

  void end() const {
    for (const auto& [key, node] : table_) {
      if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
      throw Bad(key.source(), fmt::format("there is no '{}'; what is known here: {}",
                                          shorten(printable(std::string(key.str())), 80),
                                          fmt::join(known_, ", ")));
    }
  }

 private:
  const toml::table& table_;
  std::vector<std::string> known_;
};

template <typename T>
T valid(Result<T> result) {
  if (!result) throw std::invalid_argument(printable(result.error().message));
  return std::move(*result);
}

void Fields::duration(const char* key, uint64_t least_ns, uint64_t* value) {
  text(key, [=](const std::string& text) {
    *value = static_cast<uint64_t>(valid(parse_duration(text)).count());
    if (*value < least_ns) {
      throw std::invalid_argument(fmt::format("less than {} is not possible", format_ns(least_ns)));
    }
  });
}

void Fields::share(const char* key, double* value) {
  with<double>(key, "a number such as 0.95", [value](double given) {
    if (!(given >= 0 && given <= 1)) throw std::invalid_argument("it has to be from 0.0 to 1.0");
    *value = given;
  });
}

void Fields::count(const char* key, int64_t most, uint32_t* value) {
  with<int64_t>(key, "a whole number", [=](int64_t given) {
    if (given < 0 || given > most) {
      throw std::invalid_argument(fmt::format("it has to be from 0 to {}", most));
    }
    *value = static_cast<uint32_t>(given);
  });
}

ProbeMode probe_mode(const std::string& text) {
  const auto mode = probe_mode_of(text);
  if (!mode) throw std::invalid_argument("it has to be census, births, full or classic");
  return *mode;
}

std::pair<std::string, std::string> one_label(const std::string& text) {
  const auto labels = parse_labels(text);
  if (labels.size() != 1) throw std::invalid_argument("write it as \"key=value\"");
  return labels.front();
}

MatchRule rule_of(const toml::table& table, bool includes) {
  Fields fields(table);
  MatchRule rule;
  rule.line = static_cast<int>(table.source().begin.line);
  const auto pattern = [&fields](const char* key, std::optional<Pattern>* value) {
    fields.text(key, [value](const std::string& text) { *value = valid(Pattern::parse(text)); });
  };
  pattern("command", &rule.command);
  pattern("cgroup", &rule.cgroup);
  pattern("container", &rule.container);
  fields.text("user", &rule.user);
  fields.text("label", [&rule](const std::string& text) { rule.label = one_label(text); });
  if (includes) {
    fields.text("service", &rule.service);
    fields.text("probes", [&rule](const std::string& text) { rule.probes = probe_mode(text); });
  }
  fields.end();
  const bool asks =
      rule.command || rule.cgroup || rule.container || !rule.user.empty() || rule.label;
  if (!asks) {
    throw Bad(table.source(),
              "this rule asks for nothing; give it a command, user, cgroup, container or label");
  }
  return rule;
}

std::vector<MatchRule> rules_of(Fields& fields, const char* key, bool includes) {
  std::vector<MatchRule> rules;
  const toml::node* node = fields.find(key);
  if (node == nullptr) return rules;
  const toml::array* array = node->as_array();
  if (array == nullptr) throw Bad(node->source(), fmt::format("write each as [[{}]]", key));
  for (const toml::node& one : *array) {
    if (!one.is_table()) throw Bad(one.source(), fmt::format("write each as [[{}]]", key));
    rules.push_back(rule_of(*one.as_table(), includes));
  }
  return rules;
}

void read_watch(Fields& fields, Config& config) {
  fields.duration("interval", shortest_interval_ns, &config.interval_ns);
  fields.duration("scan", shortest_interval_ns, &config.scan_ns);
  fields.duration("patience", 1'000'000'000, &config.patience_ns);
  fields.text("probes", [&config](const std::string& text) { config.probes = probe_mode(text); });
  fields.count("sample", 1'000'000, &config.sample);
  config.sample = std::max(config.sample, uint32_t{1});
  fields.share("completeness", &config.completeness);
  fields.with<double>("false_alarms", "a number such as 0.001", [&config](double given) {
    if (!(given >= 1e-12 && given <= 1e6)) throw std::invalid_argument("it is out of bounds");
    config.false_alarms_a_day = given;
  });
  fields.text("ignore", &config.ignore);
  fields.text("events", &config.events);
  fields.text("webhook", [&config](const std::string& url) {
    if (auto checked = check_webhook_url(url); !checked) {
      throw std::invalid_argument(printable(checked.error().message));
    }
    config.webhook = url;
  });
}

void read_http(const toml::table& table, Config& config) {
  Fields fields(table);
  fields.text("listen", [&config](const std::string& text) {
    std::tie(config.host, config.port) = valid(parse_address(text));
  });
  fields.text("token_file", &config.token_file);
  fields.count("top_stacks", 1000, &config.top_stacks);
  fields.end();
}

void read_history(const toml::table& table, Config& config) {
  Fields fields(table);
  fields.text("path", &config.history);
  uint64_t interval_ns = 10'000'000'000;
  fields.duration("interval", 1'000'000'000, &interval_ns);
  config.history_limits.interval = static_cast<history::Time>(interval_ns / 1'000'000'000);
  uint32_t days = 400, megabytes = 256;
  fields.count("days", 36500, &days);
  fields.count("megabytes", 1 << 20, &megabytes);
  config.history_limits.keep = history::Time{86400} * std::max(days, uint32_t{1});
  config.history_limits.bytes = uint64_t{std::max(megabytes, uint32_t{1})} << 20;
  fields.end();
}

Config config_of(const toml::table& table) {
  Fields fields(table);
  Config config;
  read_watch(fields, config);
  if (const toml::table* http = fields.table("http")) read_http(*http, config);
  if (const toml::table* history = fields.table("history")) read_history(*history, config);
  config.include = rules_of(fields, "watch", true);
  config.exclude = rules_of(fields, "exclude", false);
  fields.end();
  return config;
}

Error error_at(const std::string& source, toml::source_index line, toml::source_index column,
               const std::string& what) {
  return {ErrorKind::usage, fmt::format("{}:{}:{}: {}", source, line, column, what)};
}

}  // namespace

Result<Config> parse_config(const std::string& text, const std::string& source) {
  try {
    return config_of(toml::parse(text, source));
  } catch (const toml::parse_error& error) {
    const auto& where = error.source().begin;
    return error_at(source, where.line, where.column, printable(std::string(error.description())));
  } catch (const Bad& bad) {
    return error_at(source, bad.line, bad.column, bad.what());
  }
}

}  // namespace coroscope::daemon
