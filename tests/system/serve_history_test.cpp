// SPDX-License-Identifier: Apache-2.0
// What the daemon keeps, and who asks it.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include "serving.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

class ServeHistory : public Serving {
 protected:
  json ask(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"history", "--file", history(), "--json"});
    const Outcome outcome = run(coroscope(std::move(arguments)));
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    return outcome.code == 0 ? json::parse(outcome.output) : json();
  }
  // What a daemon in a mount namespace of its own sees.
  static std::filesystem::path seen_by(const Daemon& daemon, const std::filesystem::path& path) {
    return "/proc/" + std::to_string(daemon.pid()) + "/root" + path.string();
  }
  // Its history is on a disk of its own, of so many KiB.
  Child::Options with_disk(const std::string& flags) const {
    return {.before_exec = [disk = folder_.string(), flags] {
      if (unshare(CLONE_NEWNS) != 0 || mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) != 0 ||
          mount("", disk.c_str(), "tmpfs", 0, flags.c_str()) != 0) {
        _exit(125);
      }
    }};
  }
};

uint64_t metric(Daemon& daemon, const std::string& name) {
  const std::string text = "\n" + daemon.get("/metrics");
  const size_t at = text.find("\n" + name + " ");
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + name.size() + 2));
}

// Asks until it is more than that.
void wait_for_more(Daemon& daemon, const std::string& name, uint64_t than) {
  while (metric(daemon, name) <= than && !::testing::Test::HasFailure()) usleep(50'000);
}

json wait_for_samples(Daemon& daemon, const std::string& service, size_t count) {
  wait_for_more(daemon, "coroscope_daemon_history_written_total", 0);
  daemon.wait_for("/api/v1/services", [&service](const json& one) {
    for (const json& known : one["services"]) {
      if (known["service"] == service) return true;
    }
    return false;
  });
  const std::string path = "/api/v1/services/" + service + "/history";
  return daemon.wait_for(path, [count](const json& one) { return one["samples"].size() >= count; });
}

TEST_F(ServeHistory, IsWholeAfterTheDaemonWasKilled) {
  write_config("");
  const auto target = start({"leak_ramp", "steady", "--rate", "10"});
  {
    Daemon daemon(config());
    daemon.next("attached");
    wait_for_samples(daemon, "leak_ramp", 3);
    daemon.signal(SIGKILL);
  }
  const json before = ask({"leak_ramp"});
  EXPECT_GE(before["samples"].size(), 3u);
  EXPECT_EQ(before["instances"][0]["pid"], target->pid());
  EXPECT_EQ(before["instances"][0]["ended"], false);
  EXPECT_EQ(before["gaps"].size(), 0u) << "not known yet";
  EXPECT_EQ(before["events"][0]["event"], "attached");

  // It attaches again to who was attached to all the time.
  Daemon daemon(config());
  daemon.next("attached");
  const json after = wait_for_samples(daemon, "leak_ramp", before["samples"].size() + 2);
  ASSERT_EQ(after["instances"].size(), 1u) << after["instances"];
  ASSERT_EQ(after["gaps"].size(), 1u) << after["gaps"];
  EXPECT_EQ(after["gaps"][0]["why"], "the daemon was killed");
  EXPECT_EQ(after["gaps"][0]["from"], before["samples"].back()["time"]);
  EXPECT_EQ(daemon.end().code, 0);
}

TEST_F(ServeHistory, TellsWithWhichBuildItBegan) {
  write_config("", "service = \"shop\"\n");
  Daemon daemon(config());
  auto target = start({"leak_ramp", "steady", "--rate", "10"});
  const json first = daemon.next("attached");
  wait_for_samples(daemon, "shop", 9);
  target.reset();
  daemon.next("detached");
  target = start({"tenants"});  // another program stands for another build of it
  const json second = daemon.next("attached");
  EXPECT_EQ(first["service_id"], second["service_id"]);
  const json seen = daemon.wait_for("/api/v1/services/shop/history",
                                    [](const json& one) { return !one["grows_since"].is_null(); });
  EXPECT_EQ(seen["build_id"], second["build_id"]);
  EXPECT_EQ(seen["grew_not_in_build"], first["build_id"]);
  EXPECT_GE(seen["grows_since"], seen["instances"][1]["from"]);
  EXPECT_GT(seen["growth_per_second"], 20);
  EXPECT_EQ(seen["stacks"][0]["top"].get<std::string>().substr(0, 18), "begin tenants.cpp:");

  const Outcome text = run(coroscope({"history", "--file", history(), "shop"}));
  EXPECT_NE(text.output.find("with build " + second["build_id"].get<std::string>().substr(0, 12)),
            std::string::npos)
      << text.output;
  const Outcome change = run(coroscope({"history", "--file", history(), "shop", "--deploy"}));
  EXPECT_EQ(change.code, 0) << change.errors;
  EXPECT_NE(change.output.find("begin tenants.cpp:"), std::string::npos) << change.output;
  EXPECT_EQ(daemon.end().code, 0);

  const json then = ask({"shop", "--at", "@" + seen["samples"][4]["time"].dump()});
  EXPECT_EQ(then["pid"], first["pid"]);
  EXPECT_EQ(then["live"], seen["samples"][4]["live"]);
}

TEST_F(ServeHistory, AFullDiskHoldsNothingUp) {
  write_config("");
  const std::string config_text = [this] {
    std::ifstream file(config());
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  const std::string outside = folder_.string() + ".toml";
  std::ofstream(outside) << config_text;
  const auto target = start({"leak_ramp", "steady", "--rate", "10"});
  Daemon daemon(outside, with_disk("size=2m"));
  daemon.next("attached");
  wait_for_more(daemon, "coroscope_daemon_history_written_total", 1);

  const auto filler = seen_by(daemon, folder_ / "filler");
  std::ofstream(filler) << std::string(4 << 20, 'x');
  wait_for_more(daemon, "coroscope_daemon_history_lost_total", 0);
  EXPECT_EQ(metric(daemon, "coroscope_daemon_history_works"), 0u);
  const std::string path = "/api/v1/processes/" + std::to_string(target->pid());
  const json looked = daemon.get_json(path)["looked"];
  daemon.wait_for(path, [&looked](const json& one) { return one["looked"] != looked; });

  std::filesystem::remove(filler);
  const uint64_t written = metric(daemon, "coroscope_daemon_history_written_total");
  wait_for_more(daemon, "coroscope_daemon_history_written_total", written);
  EXPECT_EQ(metric(daemon, "coroscope_daemon_history_works"), 1u);
  const json seen = daemon.get_json("/api/v1/services/leak_ramp/history");
  ASSERT_EQ(seen["gaps"].size(), 1u) << seen["gaps"];
  EXPECT_NE(seen["gaps"][0]["why"].get<std::string>().find("could not be written"),
            std::string::npos);
  const Outcome outcome = daemon.end();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.errors.find("the daemon goes on without it"), std::string::npos);
  std::filesystem::remove(outside);
}

TEST_F(ServeHistory, ADiskThatCanOnlyBeRead) {
  write_config("");
  const std::string outside = folder_.string() + ".toml";
  std::filesystem::copy_file(config(), outside);
  const auto target = start({"leak_ramp", "steady", "--rate", "10"});
  Daemon daemon(outside, {.before_exec = [disk = folder_.string()] {
                  if (unshare(CLONE_NEWNS) != 0 ||
                      mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) != 0 ||
                      mount("", disk.c_str(), "tmpfs", MS_RDONLY, nullptr) != 0) {
                    _exit(125);
                  }
                }});
  daemon.next("attached");
  wait_for_more(daemon, "coroscope_daemon_history_lost_total", 0);
  EXPECT_EQ(metric(daemon, "coroscope_daemon_history_works"), 0u);
  EXPECT_EQ(daemon.get_json("/api/v1/processes")["processes"].size(), 1u);
  daemon.get("/api/v1/services", 503);
  const Outcome outcome = daemon.end();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.errors.find("Read-only file system"), std::string::npos) << outcome.errors;
  std::filesystem::remove(outside);
}

TEST_F(ServeHistory, CanBeSwitchedOff) {
  std::ofstream(config()) << "[history]\npath = \"\"\n[[watch]]\nlabel = \"" << label_ << "\"\n";
  Daemon daemon(config());
  EXPECT_NE(daemon.get("/api/v1/services", 404).find("[history]"), std::string::npos);
  EXPECT_EQ(daemon.end().code, 0);
}

TEST_F(ServeHistory, RefusesBadQuestions) {
  write_config("");
  const auto target = start({"leak_ramp", "steady", "--rate", "10"});
  Daemon daemon(config());
  daemon.next("attached");
  wait_for_samples(daemon, "leak_ramp", 1);
  const std::string service = "/api/v1/services/leak_ramp";
  daemon.get("/api/v1/services/nobody/history", 404);
  daemon.get(service, 404);
  daemon.get(service + "/future", 404);
  daemon.get(service + "/history?from=yesterday", 400);
  daemon.get(service + "/history?from=10&to=5", 400);
  daemon.get(service + "/history?points=0", 400);
  daemon.get(service + "/history?points=100000", 400);
  daemon.get(service + "/at?time=99999999999999", 400);
  EXPECT_EQ(daemon.get_json(service + "/at?time=5")["live"], 0);
  EXPECT_EQ(daemon.end().code, 0);

  const auto refused = [this](std::vector<std::string> arguments, int code, const char* text) {
    arguments.insert(arguments.begin(), {"history", "--file", history()});
    expect_refused(run(coroscope(std::move(arguments))), code, text);
  };
  refused({"nobody"}, 2, "it has leak_ramp");
  refused({"leak_ramp", "--at", "noon"}, 2, "--at: 'noon' is no time");
  refused({"leak_ramp", "--since", "now", "--until", "1h"}, 2, "--since is after --until");
  refused({"leak_ramp", "--deploy"}, 2, "had one build only");
  refused({"--at", "now"}, 2, "say of which service");
  std::filesystem::remove(history());
  refused({}, 3, "No such file or directory");
  std::ofstream(history()) << "this is none";
  refused({}, 3, "file is not a database");
}

}  // namespace
}  // namespace coroscope::testing
