// SPDX-License-Identifier: Apache-2.0
#include "daemon/config.h"

#include <gtest/gtest.h>

namespace coroscope::daemon {
namespace {

Config good(const std::string& text) {
  auto config = parse_config(text, "serve.toml");
  if (config) return *config;
  ADD_FAILURE() << config.error().message;
  return {};
}

std::string bad(const std::string& text) {
  const auto config = parse_config(text, "serve.toml");
  if (config) return "it is good";
  EXPECT_EQ(config.error().kind, ErrorKind::usage);
  return config.error().message;
}

TEST(Config, OfNothingIsTheDefault) {
  const Config config = good("");
  EXPECT_EQ(config.host, "127.0.0.1");
  EXPECT_EQ(config.port, 9177);
  EXPECT_EQ(config.interval_ns, 1'000'000'000u);
  EXPECT_TRUE(config.include.empty());
}

TEST(Config, HasAllThatIsDocumented) {
  const Config config = good(R"(
interval = "2s"
scan = "500ms"
patience = "2h"
probes = "births"
sample = 16
completeness = 0.9
false_alarms = 0.01
ignore = "allow.json"
events = "/var/log/coroscope.jsonl"
webhook = "http://127.0.0.1:9095/"
[http]
listen = "[::1]:9000"
token_file = "/run/token"
top_stacks = 5
[[watch]]
command = "^order_server"
user = "www"
cgroup = "payments"
container = "^abc"
label = "team=pay"
service = "orders"
probes = "full"
[[exclude]]
user = "root"
[history]
path = "/data/history.db"
interval = "30s"
days = 30
megabytes = 64
)");
  EXPECT_EQ(config.history, "/data/history.db");
  EXPECT_EQ(config.history_limits.interval, 30);
  EXPECT_EQ(config.history_limits.keep, 30 * 86400);
  EXPECT_EQ(config.history_limits.bytes, 64u << 20);
  EXPECT_EQ(config.interval_ns, 2'000'000'000u);
  EXPECT_EQ(config.scan_ns, 500'000'000u);
  EXPECT_EQ(config.patience_ns, 7'200'000'000'000u);
  EXPECT_EQ(config.probes, ProbeMode::births);
  EXPECT_EQ(config.sample, 16u);
  EXPECT_DOUBLE_EQ(config.completeness, 0.9);
  EXPECT_DOUBLE_EQ(config.false_alarms_a_day, 0.01);
  EXPECT_EQ(config.ignore, "allow.json");
  EXPECT_EQ(config.events, "/var/log/coroscope.jsonl");
  EXPECT_EQ(config.webhook, "http://127.0.0.1:9095/");
  EXPECT_EQ(config.host, "::1");
  EXPECT_EQ(config.port, 9000);
  EXPECT_EQ(config.token_file, "/run/token");
  EXPECT_EQ(config.top_stacks, 5u);
  ASSERT_EQ(config.include.size(), 1u);
  EXPECT_EQ(config.include[0].service, "orders");
  EXPECT_EQ(config.include[0].probes, ProbeMode::full);
  EXPECT_EQ(config.include[0].line, 16);
  EXPECT_EQ(config.exclude.size(), 1u);
}

TEST(Config, WhatIsWrongHasItsLine) {
  EXPECT_EQ(bad("\ninterval = 5"), "serve.toml:2:12: interval has to be a text in quotes");
  EXPECT_EQ(bad("interval = \"1ms\""),
            "serve.toml:1:12: interval: less than 100.0 ms is not possible");
  EXPECT_EQ(bad("\n\nprobes = \"all\""),
            "serve.toml:3:10: probes: it has to be census, births, full or classic");
  EXPECT_EQ(bad("[http]\nlisten = \"here\""),
            "serve.toml:2:10: listen: 'here' is no address to listen on; write it as "
            "127.0.0.1:9177, [::1]:9177 or :9177");
  EXPECT_EQ(bad("[http]\nport = 1"),
            "serve.toml:2:1: there is no 'port'; what is known here: listen, token_file, "
            "top_stacks");
  EXPECT_EQ(bad("completeness = 1.5"),
            "serve.toml:1:16: completeness: it has to be from 0.0 to 1.0");
  EXPECT_TRUE(bad("webhook = \"here\"").starts_with("serve.toml:1:11: webhook: 'here' is no"));
  EXPECT_EQ(bad("sample = -1"), "serve.toml:1:10: sample: it has to be from 0 to 1000000");
  EXPECT_EQ(bad("[[watch]]\nservice = \"a\""),
            "serve.toml:1:1: this rule asks for nothing; give it a command, user, cgroup, "
            "container or label");
  EXPECT_TRUE(bad("[[watch]]\ncommand = \"(\"").starts_with("serve.toml:2:11: command: "));
  EXPECT_TRUE(bad("[[exclude]]\nuser = \"a\"\nservice = \"b\"").starts_with("serve.toml:3:1: "));
  EXPECT_TRUE(bad("watch = 3").starts_with("serve.toml:1:9: write each as [[watch]]"));
  EXPECT_TRUE(bad("watch = [3]").starts_with("serve.toml:1:10: write each as [[watch]]"));
  EXPECT_TRUE(bad("http = 3").starts_with("serve.toml:1:8: http has to be a table"));
  EXPECT_TRUE(bad("a = = b").starts_with("serve.toml:1:"));
  EXPECT_TRUE(bad("interval = \"1s").starts_with("serve.toml:1:"));
}

TEST(Config, AnExcludingRuleWins) {
  const Config config = good(R"(
[[watch]]
command = "server"
[[watch]]
user = "alice"
service = "hers"
[[exclude]]
label = "env=test"
)");
  ProcessFacts facts;
  facts.command_line = "/usr/bin/order_server --port 80";
  facts.user = "alice";
  auto found = wanted(config, facts);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rule, &config.include[0]) << "the first that matches";
  facts.command_line = "worker";
  found = wanted(config, facts);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rule->service, "hers");
  facts.labels = {{"env", "test"}};
  EXPECT_FALSE(wanted(config, facts));
  facts.labels = {{"env", "prod"}};
  facts.user = "bob";
  EXPECT_FALSE(wanted(config, facts));
  const auto any = wanted(Config{}, facts);
  ASSERT_TRUE(any);
  EXPECT_EQ(any->rule, nullptr);
}

TEST(Config, Addresses) {
  const auto address = [](const std::string& text) {
    const auto parsed = parse_address(text);
    return parsed ? parsed->first + " " + std::to_string(parsed->second) : "bad";
  };
  EXPECT_EQ(address("127.0.0.1:9177"), "127.0.0.1 9177");
  EXPECT_EQ(address(":0"), "127.0.0.1 0");
  EXPECT_EQ(address("[::1]:80"), "::1 80");
  EXPECT_EQ(address("localhost:80"), "localhost 80");
  for (const char* text : {"", "9177", "a:", "a:b", "::1:80", "a:65536", "a:-1", "a:80x"}) {
    EXPECT_EQ(address(text), "bad") << text;
  }
}

}  // namespace
}  // namespace coroscope::daemon
