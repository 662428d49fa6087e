// SPDX-License-Identifier: Apache-2.0
// The daemon with a config of its own, and targets that nobody else watches.
#pragma once

#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "child.h"
#include "json_lines.h"

namespace coroscope::testing {

// Targets of one test say so in their environment: others run beside it.
class Serving : public ::testing::Test {
 protected:
  Serving() {
    std::string pattern = ::testing::TempDir() + "coroscope-serve-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    label_ = "test=" + folder_.filename().string();
  }
  ~Serving() override { std::filesystem::remove_all(folder_); }

  std::string config() const { return folder_ / "serve.toml"; }
  // `top` goes before all tables.
  void write_config(const std::string& top, const std::string& rest = "") const {
    std::ofstream(config()) << "interval = \"200ms\"\nscan = \"100ms\"\n"
                            << top << "\n[[watch]]\nlabel = \"" << label_ << "\"\n"
                            << rest << "\n[history]\ninterval = \"1s\"\npath = \"" << history()
                            << "\"\n";
  }
  std::string history() const { return folder_ / "history.db"; }
  Child::Options labelled() const {
    return {.before_exec = [label = label_] { setenv("COROSCOPE_LABELS", label.c_str(), 1); }};
  }
  std::unique_ptr<Child> start(std::vector<std::string> arguments) const {
    arguments.front() = program(arguments.front());
    auto child = std::make_unique<Child>(arguments, labelled());
    EXPECT_EQ(child->read_line(), "ready");
    return child;
  }

  std::filesystem::path folder_;
  std::string label_;
};

class Daemon {
 public:
  explicit Daemon(const std::string& config, const Child::Options& options = {})
      : child_(coroscope({"serve", "--config", config, "--listen", "127.0.0.1:0"}), options) {
    const nlohmann::json serving = next("serving");
    if (serving.is_null()) return;
    const std::string address = serving["address"];
    url_ = "http://" + address;
    client_.emplace("127.0.0.1", std::stoi(address.substr(address.rfind(':') + 1)));
    client_->set_read_timeout(patience_ms / 1000);
  }

  // The next event of that name; what comes before is left out. Null if it ends first.
  nlohmann::json next(const std::string& event) {
    while (const auto line = child_.read_line()) {
      told_ += *line + "\n";
      nlohmann::json one = nlohmann::json::parse(*line);
      if (one["event"] == event) return one;
    }
    ADD_FAILURE() << "no event " << event << ": " << child_.errors();
    return nullptr;
  }

  std::string get(const std::string& path, int status = 200) {
    const auto answer = client_->Get(path);
    if (!answer) {
      ADD_FAILURE() << path << ": no answer";
      return "";
    }
    EXPECT_EQ(answer->status, status) << path << ": " << answer->body;
    return answer->body;
  }
  std::string url() const { return url_; }
  nlohmann::json get_json(const std::string& path) { return nlohmann::json::parse(get(path)); }

  // Asks until the answer satisfies `good`.
  template <typename F>
  nlohmann::json wait_for(const std::string& path, F good) {
    for (;;) {
      nlohmann::json answer = get_json(path);
      if (good(answer) || ::testing::Test::HasFailure()) return answer;
      usleep(20'000);
    }
  }

  pid_t pid() const { return child_.pid(); }
  // Its events that were read so far.
  const std::string& told() const { return told_; }
  void signal(int number) { child_.signal(number); }
  Outcome end() {
    child_.signal(SIGTERM);
    Outcome outcome;
    outcome.code = child_.wait();
    outcome.output = child_.output();
    outcome.errors = child_.errors();
    return outcome;
  }

 private:
  Child child_;
  std::string url_;
  std::string told_;
  std::optional<httplib::Client> client_;
};

}  // namespace coroscope::testing
