// SPDX-License-Identifier: Apache-2.0
// coroscope diff: what is new, what is gone, and what is new and blocked between two
// dumps.
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/commands.h"
#include "cli/dump_source.h"
#include "cli/pause.h"
#include "cli/signals.h"
#include "detect/diff_ignores.h"
#include "detect/diff_verdicts.h"
#include "export/diff.h"
#include "observe/dumping.h"
#include "util/clock.h"
#include "util/duration.h"

namespace coroscope {
namespace {

Result<void> check(const DiffOptions& options) {
  const int seconds = !options.second.empty() + !options.after.empty() + !options.during.empty();
  if (seconds != 1) {
    return Error{ErrorKind::usage,
                 "diff compares two dumps: give a second PID or FILE, or --after DURATION, or "
                 "--during COMMAND"};
  }
  if (options.first == "-" && options.second == "-") {
    return Error{ErrorKind::usage, "stdin can be only one of the two dumps"};
  }
  return {};
}

// Waits; a signal, or the end of the process, ends it early.
Result<void> wait_for(uint64_t length_ns, const Process& process) {
  const auto signals = catch_termination();
  if (!signals) return signals.error();
  const int pidfds[] = {process.pidfd()};
  pause_until(monotonic_ns() + length_ns, *signals, pidfds);
  release_termination();
  return {};
}

// Runs it by the shell. Its stdout goes to our stderr: ours is for data. Ctrl-C is
// for the command: we go on with what it did.
Result<void> run(const std::string& command) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  // We ignore SIGPIPE; its pipes have to end as they do elsewhere.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &pipe);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  const char* arguments[] = {"sh", "-c", command.c_str(), nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, "/bin/sh", &actions, &attributes,
                                   const_cast<char* const*>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    return Error{ErrorKind::environment, fmt::format("can not run /bin/sh: {}", strerror(failed))};
  }
  const auto signals = catch_termination();  // after the start: the child has ours from before
  if (!signals) return signals.error();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  release_termination();
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
    fmt::print(stderr, "coroscope: note: '{}' ended with {}\n", command, WEXITSTATUS(status));
  } else if (WIFSIGNALED(status)) {
    fmt::print(stderr, "coroscope: note: '{}' was ended by signal {}\n", command, WTERMSIG(status));
  }
  return {};
}

// The same process once more.
Result<OpenDump> dump_later(OpenDump& first, const DiffOptions& options) {
  if (!first.observation) {
    return Error{ErrorKind::usage,
                 fmt::format("{} is a saved dump: --after and --during need a PID", options.first)};
  }
  if (!options.after.empty()) {
    const auto length = parse_duration(options.after);
    if (!length) {
      return Error{ErrorKind::usage, fmt::format("--after: {}", length.error().message)};
    }
    const auto waited =
        wait_for(static_cast<uint64_t>(length->count()), first.observation->process());
    if (!waited) return waited.error();
  } else if (const auto ran = run(options.during); !ran) {
    return ran.error();
  }
  auto dump = take_dump(*first.observation);
  if (!dump) return dump.error();
  auto details = std::make_unique<TargetDetails>(first.observation->target());
  return OpenDump{nullptr, std::move(*dump), std::move(details)};
}

// Of those who are there after it, preferably of the new ones: who waits longest.
DiffExample example_of(const DumpDiff& diff, const DumpChange& change, DumpDetails& details) {
  const std::vector<uint32_t>& members = change.born.empty() ? change.after : change.born;
  if (members.empty()) return {};
  const std::vector<DumpRecord>& records = diff.after.records;
  const uint32_t longest = *std::max_element(
      members.begin(), members.end(),
      [&records](uint32_t a, uint32_t b) { return records[a].wait_ns < records[b].wait_ns; });
  return {records[longest].id, details.describe(diff.after, records[longest])};
}

bool print(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
}

void show(const DumpDiff& diff, const std::vector<IgnoredRow>& ignored, DumpDetails& details,
          bool json) {
  if (!print(json ? diff_json_begin(diff) : diff_text_begin(diff))) return;
  const DiffVerdicts verdicts = judge(diff);
  for (size_t i = 0; i < diff.changes.size(); ++i) {
    const DumpChange& change = diff.changes[i];
    const DiffExample example = example_of(diff, change, details);
    const Judgement* judgement = verdicts.of_change(i);
    if (!print(json ? diff_json_change(diff, change, example, judgement)
                    : diff_text_change(diff, change, example, judgement))) {
      return;
    }
  }
  print(json ? diff_json_end(diff, verdicts, ignored) : diff_text_end(diff, verdicts, ignored));
}

}  // namespace

ExitCode run_diff(const DiffOptions& options) {
  if (const auto checked = check(options); !checked) return fail(checked.error());
  const auto rules = read_ignores(options.ignore);
  if (!rules) return fail(rules.error());
  ignore_broken_pipe();
  auto before = open_dump(options.first);
  if (!before) return fail(before.error());
  const auto after =
      options.second.empty() ? dump_later(*before, options) : open_dump(options.second);
  if (!after) return fail(after.error());
  DumpDiff changes = diff(before->dump, after->dump);
  const auto ignored = ignore_changes(*rules, *before->details, *after->details, changes);
  show(changes, ignored, *after->details, options.json);
  return changes.blocked() ? exit_found : exit_ok;
}

}  // namespace coroscope
