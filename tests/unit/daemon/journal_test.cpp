// SPDX-License-Identifier: Apache-2.0
// Entries for the journal, taken apart again as its protocol says.
#include "daemon/journal.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

namespace coroscope::daemon {
namespace {

using EntryFields = std::map<std::string, std::string>;

EntryFields fields_of(const std::string& entry) {
  EntryFields fields;
  for (size_t at = 0; at < entry.size();) {
    const size_t end = entry.find_first_of("=\n", at);
    if (end == std::string::npos) break;
    const std::string name = entry.substr(at, end - at);
    size_t from = end + 1;
    size_t size = 0;
    if (entry[end] == '=') {
      size = entry.find('\n', from) - from;
    } else {
      for (int i = 7; i >= 0; --i) size = size << 8 | static_cast<unsigned char>(entry[from + i]);
      from += 8;
    }
    EXPECT_TRUE(fields.emplace(name, entry.substr(from, size)).second) << name;
    EXPECT_EQ(entry.at(from + size), '\n');
    at = from + size + 1;
  }
  return fields;
}

TEST(Journal, AnEventIsFields) {
  const std::string line =
      R"({"type":"event","time":"2026-11-22T05:16:16.970Z","event":"verdict_opened","pid":31223,)"
      R"("service":"orders","verdict":"leak","reason":"chan send","live":120,"per_second":104.5,)"
      R"("parked_at":[{"function":"f"}]})";
  const EntryFields fields = fields_of(journal_entry(line + "\n"));
  EXPECT_EQ(fields,
            (EntryFields{{"MESSAGE", "leak in orders (process 31223): chan send, 120 coroutines"},
                         {"PRIORITY", "4"},
                         {"SYSLOG_IDENTIFIER", "coroscope"},
                         {"COROSCOPE_EVENT", "verdict_opened"},
                         {"COROSCOPE_PID", "31223"},
                         {"COROSCOPE_SERVICE", "orders"},
                         {"COROSCOPE_VERDICT", "leak"},
                         {"COROSCOPE_REASON", "chan send"},
                         {"COROSCOPE_LIVE", "120"},
                         {"COROSCOPE_PER_SECOND", "104.5"},
                         {"COROSCOPE_JSON", line}}));
}

// What a target calls itself makes no fields of its own.
TEST(Journal, ValuesStayValues) {
  const std::string evil = "orders\nPRIORITY=0\n_UID=0\n";
  const nlohmann::json event = {{"event", "attached"}, {"service", evil}, {"pid", 7}, {"live", 1}};
  const EntryFields fields = fields_of(journal_entry(event.dump() + "\n"));
  EXPECT_EQ(fields.at("COROSCOPE_SERVICE"), evil);
  EXPECT_EQ(fields.at("MESSAGE"), "watching " + evil + " (process 7): 1 coroutines");
  EXPECT_EQ(fields.at("PRIORITY"), "6");
  EXPECT_FALSE(fields.contains("_UID"));
}

TEST(Journal, EachEventHasAMessageAndAPriority) {
  const std::map<std::string, std::string> priorities = {
      {"serving", "6"},        {"attached", "6"},       {"detached", "6"},
      {"lost", "4"},           {"verdict_opened", "4"}, {"verdict_updated", "4"},
      {"verdict_closed", "5"}, {"config_read", "6"},    {"config_refused", "3"},
      {"another_daemon", "4"}};
  for (const auto& [event, priority] : priorities) {
    const EntryFields fields =
        fields_of(journal_entry(nlohmann::json{{"event", event}}.dump() + "\n"));
    EXPECT_EQ(fields.at("PRIORITY"), priority) << event;
    EXPECT_NE(fields.at("MESSAGE"), event);
  }
}

TEST(Journal, AnotherDaemonMayBeWhereItIsNotSeen) {
  const auto message = [](const nlohmann::json& event) {
    return fields_of(journal_entry(event.dump() + "\n")).at("MESSAGE");
  };
  EXPECT_EQ(message({{"event", "another_daemon"}, {"pid", 7}}),
            "another coroscope serves on this host (process 7)");
  EXPECT_EQ(message({{"event", "another_daemon"}}),
            "another coroscope serves on this host (where it can not be seen)");
}

}  // namespace
}  // namespace coroscope::daemon
