// SPDX-License-Identifier: Apache-2.0
// coroscope verify: run a command, and fail if it leaves coroutines behind.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/signals.h"
#include "cli/verify_looks.h"
#include "cli/verify_output.h"
#include "export/verify.h"
#include "util/clock.h"
#include "util/duration.h"
#include "util/log.h"
#include "util/pattern.h"
#include "util/text.h"

namespace coroscope {
namespace {

struct Settings {
  std::vector<IgnoreRule> ignored;
  uint64_t grace_ns = 0;
  std::optional<Pattern> at;
  std::optional<Pattern> at_start;
};

Result<std::optional<Pattern>> parse_marker(const char* option, const std::string& text) {
  if (text.empty()) return std::optional<Pattern>();
  auto pattern = Pattern::parse(text);
  if (pattern) return std::optional<Pattern>(*pattern);
  return Error{ErrorKind::usage, fmt::format("{}: {}", option, pattern.error().message)};
}

Result<Settings> parse(const VerifyOptions& options) {
  Settings settings;
  auto ignored = read_ignores(options.ignore);
  if (!ignored) return ignored.error();
  settings.ignored = std::move(*ignored);
  if (options.grace != "0") {
    const auto grace = parse_duration(options.grace);
    if (!grace || *grace > std::chrono::hours(1)) {
      return Error{ErrorKind::usage,
                   fmt::format("--grace: {}", grace ? "an hour at most" : grace.error().message)};
    }
    settings.grace_ns = static_cast<uint64_t>(grace->count());
  }
  auto at = parse_marker("--at", options.at);
  if (!at) return at.error();
  settings.at = *at;
  auto at_start = parse_marker("--at-start", options.at_start);
  if (!at_start) return at_start.error();
  settings.at_start = *at_start;
  return settings;
}

// Open from the beginning: a report that can not be written is known before the tests run.
class JunitFile {
 public:
  static Result<JunitFile> open(const std::string& path) {
    JunitFile file(path);
    if (path.empty()) return file;
    file.file_.reset(std::fopen(path.c_str(), "we"));
    if (!file.file_) return file.trouble();
    return file;
  }
  Result<void> write(const std::string& text) {
    if (!file_) return {};
    const bool written = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size();
    if (!written || std::fflush(file_.get()) != 0) return trouble();
    return {};
  }

 private:
  explicit JunitFile(std::string path) : path_(std::move(path)), file_(nullptr, &std::fclose) {}
  Error trouble() const {
    return {ErrorKind::environment,
            fmt::format("--junit: can not write {}: {}", path_, std::strerror(errno))};
  }

  std::string path_;
  std::unique_ptr<FILE, int (*)(FILE*)> file_;
};

void set_end(VerifyReport& report, int status) {
  if (WIFSIGNALED(status)) {
    report.command_code = 128 + WTERMSIG(status);
    report.command_end =
        fmt::format("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  } else if (WEXITSTATUS(status) != 0) {
    report.command_code = WEXITSTATUS(status);
    report.command_end = fmt::format("exit code {}", report.command_code);
  }
}

// The command's own failure first: it is what the tests say.
int exit_code_for(const VerifyReport& report) {
  if (report.command_code != 0) return report.command_code;
  if (report.left() > 0) return exit_found;
  return report.unread.empty() ? exit_ok : exit_environment;
}

Follower::Options follow_options(const Settings& settings) {
  Follower::Options options;
  // A scheduler that ends would take with it what it is asked about.
  options.environment.emplace_back("CORO_KEEP_LEFTOVERS",
                                   fmt::format("{}", settings.grace_ns / 1'000'000));
  return options;
}

// Runs the command to its end. Error: it can not be run, or a marker did not come.
Result<void> run(const VerifyOptions& options, const Settings& settings, VerifyLooks& looks) {
  const int to = options.json ? STDERR_FILENO : STDOUT_FILENO;
  Follower::Options follow = follow_options(settings);
  if (options.json) follow.output = to;
  std::unique_ptr<CommandOutput> output;
  if (settings.at || settings.at_start) {
    auto opened = CommandOutput::open(to);
    if (!opened) return opened.error();
    output = std::move(*opened);
    follow.output = output->write_end();
  }
  auto follower = Follower::start(options.command, follow);
  if (!follower) return follower.error();
  bool started = !settings.at_start;
  bool seen = !settings.at;
  if (output) {
    output->start([&](const std::string& line) {
      if (!started && settings.at_start->found_in(line)) {
        started = true;
        looks.remember((*follower)->alive());
      } else if (started && !seen && settings.at->found_in(line)) {
        seen = true;
        looks.at_marker((*follower)->alive(), monotonic_ns() + settings.grace_ns);
      }
    });
  }
  const auto at_end = [&](const EndingProcess& process) {
    if (!settings.at) looks.at_end(process);
  };
  const int status = (*follower)->run(at_end, settings.grace_ns);
  if (output) output->finish();
  VerifyReport& report = looks.report();
  set_end(report, status);
  report.seen = (*follower)->seen();
  report.running = settings.at ? 0 : (*follower)->alive().size();
  if (report.command_code == 0 && !(started && seen)) {
    return Error{ErrorKind::environment,
                 fmt::format("no line of the command's stdout matched {}: nothing was judged",
                             started ? "--at" : "--at-start")};
  }
  return {};
}

}  // namespace

ExitCode run_verify(const VerifyOptions& options) {
  const auto settings = parse(options);
  if (!settings) return fail(settings.error());
  if (auto checked = check_proc(); !checked) return fail(checked.error());
  auto junit = JunitFile::open(options.junit);
  if (!junit) return fail(junit.error());
  ignore_broken_pipe();
  VerifyLooks looks(settings->ignored);
  if (auto ran = run(options, *settings, looks); !ran) return fail(ran.error());
  VerifyReport& report = looks.report();
  report.command = printable(fmt::format("{}", fmt::join(options.command, " ")));
  const int code = exit_code_for(report);
  const std::string text =
      options.json ? verify_json(report, code) : verify_text(report, want_colour(STDOUT_FILENO));
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (auto written = junit->write(verify_junit(report)); !written) return fail(written.error());
  return static_cast<ExitCode>(code);
}

}  // namespace coroscope
