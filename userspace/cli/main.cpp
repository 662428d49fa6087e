// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "cli/commands.h"
#include "util/log.h"

namespace coroscope {

ExitCode exit_code_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::usage:
      return exit_usage;
    case ErrorKind::environment:
      return exit_environment;
    case ErrorKind::target_bad:
      return exit_environment;
    case ErrorKind::target_gone:
      return exit_target_gone;
  }
  return exit_environment;
}

ExitCode fail(const Error& error) {
  fmt::print(stderr, "coroscope: {}\n", error.message);
  return exit_code_of(error);
}

namespace {

constexpr const char* footer =
    "Exit codes: 0 nothing wrong, 1 a leak or another fault was found, 2 usage, 3 environment,\n"
    "permission, or too much lost for a verdict, 4 the target is gone.";

void add_watch(CLI::App& app, WatchOptions& options) {
  CLI::App* watch = app.add_subcommand(
      "watch", "Attach to running processes and report the populations that only grow");
  watch->add_option("PID", options.pids, "Processes to watch")->required();
  watch->add_option("--for", options.duration,
                    "How long, as 30s, 2m or 1h30m (default: until Ctrl-C)");
  watch->add_option("-i,--interval", options.interval, "Time between two looks")
      ->capture_default_str();
  watch
      ->add_option("--busy", options.busy,
                   "Tell who runs without a wait, or could run and is not run, for longer")
      ->capture_default_str();
  watch->add_option("--patience", options.patience,
                    "Call a growth that nothing else explains a leak after so long (default: 1h "
                    "while watching, for the report a quarter of the watch, 5s at least)");
  watch
      ->add_option("--false-alarms", options.false_alarms,
                   "False alarms to expect in a day, at most")
      ->check(CLI::Range(1e-12, 1e6))
      ->capture_default_str();
  watch
      ->add_option("--completeness", options.completeness,
                   "Withhold verdicts if less than this share was seen")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  watch->add_option("--by-label", options.by_label,
                    "Tell populations apart by what the label KEY says, too");
  watch
      ->add_option(
          "--probes", options.probes,
          "What to attach to: census is nothing, births spawn and exit, full all events in "
          "batches, classic one by one (default: full, or classic where it is not offered; "
          "`coroscope doctor PID` says what each costs)")
      ->check(CLI::IsMember({"census", "births", "full", "classic"}));
  watch
      ->add_option("--sample", options.sample,
                   "1/N: parks and unparks of one coroutine in N only, times N; births stay exact")
      ->capture_default_str();
  watch->add_flag("--parked-stacks", options.parked_stacks,
                  "Tell where the time is spent waiting, of every wait (with --probes full)");
  watch->add_flag("--all", options.all, "Tell of populations that do not grow, too");
  watch->add_flag("--json", options.json, "One JSON object a line, the last one the report");
  add_ignore_options(*watch, options.ignore);
  watch->footer(footer);
}

void add_dump(CLI::App& app, DumpOptions& options) {
  CLI::App* dump = app.add_subcommand(
      "dump",
      "Show what each coroutine of a process does now, and who is stuck; needs no BPF and no "
      "attach");
  dump->add_option("PID|FILE", options.source,
                   "The process, or what --format json wrote; - is stdin")
      ->required();
  dump->add_option("--by", options.by, "Those at the same stacks together, or each on its own")
      ->check(CLI::IsMember({"stack", "coroutine"}))
      ->capture_default_str();
  dump->add_option("--format", options.format,
                   "html is a flame graph for browsers, pprof for go tool pprof")
      ->check(CLI::IsMember({"text", "json", "folded", "pprof", "html"}))
      ->capture_default_str();
  dump->add_option("--sort", options.sort, "Most members first, or oldest first")
      ->check(CLI::IsMember({"count", "age"}));
  dump->add_option("--limit", options.limit, "Show so many groups, coroutines or trees at most")
      ->check(CLI::PositiveNumber);
  const char* of = "Only these";
  dump->add_option("--state", options.states, "Of this state; may be repeated")
      ->check(CLI::IsMember({"parked", "running", "runnable", "syscall"}))
      ->allow_extra_args(false)
      ->group(of);
  dump->add_option("--reason", options.reasons, "Waiting for this, as 'chan send'; may be repeated")
      ->allow_extra_args(false)
      ->group(of);
  dump->add_option("--older-than", options.older_than, "Born longer ago, as 30s or 5m")->group(of);
  dump->add_option("--waits-longer", options.waits_longer, "Waiting for longer")->group(of);
  dump->add_option("--stack", options.stack, "REGEX in any frame of where it waits")->group(of);
  dump->add_option("--top", options.top, "REGEX in the innermost frame of the program")->group(of);
  dump->add_option("--created-by", options.created_by, "REGEX in any frame of where it was born")
      ->group(of);
  dump->add_option("--label", options.labels, "KEY=VALUE; of several, all")
      ->allow_extra_args(false)
      ->group(of);
  dump->add_flag("--tree", options.tree,
                 "Who waits for whom, by joins and locks: below each those who wait for it");
  dump->footer(footer);
}

void add_stat(CLI::App& app, StatOptions& options) {
  CLI::App* stat = app.add_subcommand(
      "stat", "Show the vitals of a process, a line an interval; needs no BPF and no attach");
  stat->add_option("PID", options.pid, "The process")->required();
  stat->add_option("-i,--interval", options.interval, "Time between two looks")
      ->capture_default_str();
  CLI::Option* length = stat->add_option("--for", options.duration,
                                         "How long, as 30s, 2m or 1h30m (default: until Ctrl-C)");
  stat->add_option("--count", options.count, "Look so many times")
      ->check(CLI::PositiveNumber)
      ->excludes(length);
  stat->add_flag("--json", options.json, "One JSON object a line");
  stat->footer(footer);
}

void add_diff(CLI::App& app, DiffOptions& options) {
  CLI::App* diff = app.add_subcommand(
      "diff", "Compare two dumps: what is new, what is gone, what is new and blocked");
  diff->add_option("BEFORE", options.first, "A PID, or a file that dump --format json wrote")
      ->required();
  diff->add_option("AFTER", options.second, "The same; or else one of:");
  diff->add_option("--after", options.after, "Dump the process again so much later, as 30s or 5m");
  diff->add_option("--during", options.during, "Dump it before and after this shell COMMAND");
  diff->add_flag("--json", options.json, "One JSON object a line");
  add_ignore_options(*diff, options.ignore);
  diff->footer(
      "Of two dumps of one process at least a second apart, verdicts say what grows as a leak "
      "does.\n"
      "Exit codes: 0 nothing is new and blocked, 1 something is that is not ignored, whatever the\n"
      "verdict; 2 usage, 3 environment or permission, 4 the target is gone.");
}

void add_verify(CLI::App& app, VerifyOptions& options) {
  CLI::App* verify = app.add_subcommand(
      "verify",
      "Run a command, tests perhaps, and fail if it leaves coroutines behind; needs no BPF");
  verify->add_option("COMMAND", options.command, "After --, with its arguments")->required();
  verify->add_option("--at", options.at,
                     "Look when a line of its stdout matches REGEX (default: at its end)");
  verify->add_option("--at-start", options.at_start,
                     "Who lives when a line of its stdout matches REGEX is not left behind");
  verify->add_option("--grace", options.grace, "How long those who are left may take to end")
      ->capture_default_str();
  verify->add_option("--junit", options.junit, "Write JUnit's XML to this file, too");
  verify->add_flag("--json", options.json, "One JSON object a line; its stdout goes to stderr");
  add_ignore_options(*verify, options.ignore);
  verify->footer(
      "Exit codes: that of the command if it fails (128 and the number of a signal), else 0\n"
      "nothing is left, 1 coroutines are, 2 usage, 3 environment or permission.");
}

void add_serve(CLI::App& app, ServeOptions& options) {
  CLI::App* serve = app.add_subcommand(
      "serve", "Watch every process with coroutines on this host, and answer HTTP about them");
  serve->add_option("--config", options.config, "A file in TOML; read again on SIGHUP");
  serve->add_flag("--check-config", options.check_config, "Only say whether it is good");
  serve->add_option("--listen", options.listen,
                    "ADDRESS:PORT for HTTP (default: 127.0.0.1:9177); port 0 is any that is free");
  serve->add_option("-i,--interval", options.interval, "Time between two looks (default: 1s)");
  serve
      ->add_option("--probes", options.probes,
                   "What to attach to, as of watch, where no rule says otherwise")
      ->check(CLI::IsMember({"census", "births", "full", "classic"}));
  serve->add_option("--events", options.events,
                    "Where what happens goes, a line of JSON each: a file, - is stdout (the "
                    "default), \"\" nowhere");
  serve->add_option("--history", options.history,
                    "Where the history is kept: a file (default: history.db in "
                    "/var/lib/coroscope), \"\" nowhere");
  serve->footer(
      "SIGHUP reads the config again, SIGTERM and Ctrl-C end it. What the command line says goes\n"
      "before the config.\n"
      "Exit codes: 0 it was told to end, 2 usage, or a config that is wrong, 3 environment or\n"
      "permission.");
}

void add_history(CLI::App& app, HistoryOptions& options) {
  CLI::App* history = app.add_subcommand(
      "history", "Ask what the daemon kept: since when something grows, what there was at 03:00");
  history->add_option("SERVICE", options.service,
                      "Its name or its id; without one, the services are listed");
  history->add_option("--file", options.file, "The database (default: as the config says)");
  history->add_option("--config", options.config, "Of the daemon");
  history->add_option("--since", options.since, "Begin of what is shown (default: 1d, so ago)");
  history->add_option("--until", options.until, "Its end (default: now)");
  CLI::Option* at = history->add_option("--at", options.at, "What there was at that time");
  CLI::Option* diff =
      history->add_option("--diff", options.diff, "What changed from one time to another")
          ->expected(2)
          ->excludes(at);
  history
      ->add_flag("--deploy", options.deploy,
                 "What changed since the end of the build before the latest one")
      ->excludes(at)
      ->excludes(diff);
  history->add_flag("--json", options.json, "One JSON object a line");
  history->footer(
      "Times: 03:00 (the last time it was), \"2026-11-21 03:00\", 2h or 3d (ago), now; with a Z\n"
      "behind it UTC.\n"
      "Exit codes: 0, 2 usage, 3 there is no history, or it can not be read.");
}

int run(int argc, char** argv) {
  CLI::App app{"coroscope: observe the coroutines of running processes from outside"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "coroscope " COROSCOPE_VERSION);
  app.footer(footer);
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose, "Tell on stderr what is being done");

  WatchOptions watch;
  add_watch(app, watch);
  DumpOptions dump;
  add_dump(app, dump);
  StatOptions stat;
  add_stat(app, stat);
  DiffOptions diff;
  add_diff(app, diff);
  VerifyOptions verify;
  add_verify(app, verify);
  ServeOptions serve;
  add_serve(app, serve);
  HistoryOptions history;
  add_history(app, history);
  std::string what;
  CLI::App* explain = app.add_subcommand(
      "explain", "Say what the verdicts mean, or how those of a saved watch were reached");
  explain->add_option("VERDICT|FILE", what, "Or a file that watch --json wrote; - is stdin");
  bool json = false;
  CLI::App* ps = app.add_subcommand("ps", "List the processes that run coroutines");
  ps->add_flag("--json", json, "One JSON object a line");
  CLI::App* doctor = app.add_subcommand("doctor",
                                        "Say what this host allows, what is missing, and the fix; "
                                        "with a PID, what it would cost to watch that process");
  std::string examined;
  doctor->add_option("PID", examined, "A process with coroutines");
  doctor->add_flag("--json", json, "One JSON object a line");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return fail({ErrorKind::usage, fmt::format("{}; see `coroscope --help`", error.what())});
  }
  init_log(verbose ? LogLevel::debug : LogLevel::warn);
  if (app.got_subcommand("dump")) return run_dump(dump);
  if (app.got_subcommand("stat")) return run_stat(stat);
  if (app.got_subcommand("diff")) return run_diff(diff);
  if (app.got_subcommand("verify")) return run_verify(verify);
  if (app.got_subcommand("serve")) {
    serve.events_given = app.get_subcommand("serve")->count("--events") > 0;
    serve.history_given = app.get_subcommand("serve")->count("--history") > 0;
    return run_serve(serve);
  }
  if (app.got_subcommand("history")) return run_history(history);
  if (*explain) return run_explain(what);
  if (*ps) return run_ps(json);
  if (*doctor) return run_doctor(examined, json);
  return run_watch(watch);
}

}  // namespace
}  // namespace coroscope

namespace {

// A report that did not arrive must not look like good news. Whoever closed the
// pipe has had enough and is not told.
int finish_output(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  pollfd output{STDOUT_FILENO, 0, 0};
  if (poll(&output, 1, 0) == 1 && (output.revents & POLLERR)) return code;
  return coroscope::fail(
      {coroscope::ErrorKind::environment, "cannot write to stdout: what it shows is not complete"});
}

}  // namespace

int main(int argc, char** argv) {
  // Only for what no one can plan for, such as memory running out.
  try {
    return finish_output(coroscope::run(argc, argv));
  } catch (const std::exception& error) {
    // {fmt} throws if stdout can not be written.
    if (std::ferror(stdout) != 0) return finish_output(coroscope::exit_ok);
    return coroscope::fail({coroscope::ErrorKind::environment, error.what()});
  }
}
