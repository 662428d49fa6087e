// SPDX-License-Identifier: Apache-2.0
// coroscope ps: every process with coroutines that we may look into.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "proc/memory.h"
#include "proc/modules.h"
#include "proc/process.h"
#include "targets/target.h"
#include "util/text.h"

namespace coroscope {
namespace {

// In a table; --json has all of it.
constexpr size_t longest_command = 200;

struct Row {
  pid_t pid = 0;
  pid_t inner_pid = 0;  // in its own PID namespace; 0: the same
  std::string user;
  std::string runtime;
  uint32_t workers = 0;
  uint64_t live = 0;
  uint64_t parked = 0;
  uint64_t lost = 0;
  std::string command;
};

struct Unreadable {
  pid_t pid = 0;
  std::string why;
};

struct Listing {
  std::vector<Row> rows;
  std::vector<Unreadable> unreadable;  // has a runtime, or may have, but can not be read
  uint64_t seen = 0;                   // processes, kernel threads not among them
  uint64_t not_allowed = 0;            // of those, that we may not look into
  bool others_hidden = false;          // /proc does not even show them
};

Row row_of(const Process& process, const Target& target, const Headcount& count) {
  Row row{.pid = process.pid(),
          .inner_pid = process.inner_pid(),
          .user = process.user(),
          .runtime = target.runtime(),
          .workers = target.workers(),
          .lost = count.losses.total(),
          .command = process.command_line()};
  for (const Activity activity :
       {Activity::parked, Activity::running, Activity::runnable, Activity::syscall}) {
    row.live += count.count(activity);
  }
  row.parked = count.count(Activity::parked);
  return row;
}

// An error only of one that we may look into, and that is still there.
Result<void> add_coroutines(const Process& process, const Memory& memory, Listing& listing) {
  const auto modules = list_modules(process, memory);
  if (!modules) {
    listing.not_allowed += modules.error().kind == ErrorKind::environment;
    return {};
  }
  if (!has_runtime(memory, *modules)) return {};
  auto target = open_target(process, memory, *modules);
  if (!target) return target.error();
  const auto count = (*target)->count();
  if (!count) return count.error();
  listing.rows.push_back(row_of(process, **target, *count));
  return {};
}

void add_process(pid_t pid, Listing& listing) {
  const auto process = Process::open(pid);
  if (!process) {
    if (process.error().kind == ErrorKind::target_gone) return;
    listing.seen++;
    listing.unreadable.push_back({pid, process.error().message});
    return;
  }
  if (process->kernel_thread()) return;
  listing.seen++;
  const auto memory = ProcessMemory::open(*process);
  if (!memory) {
    listing.not_allowed += memory.error().kind == ErrorKind::environment;
    if (process->main_thread_ended()) listing.unreadable.push_back({pid, memory.error().message});
    return;
  }
  const auto added = add_coroutines(*process, *memory, listing);
  if (!added && process->alive()) listing.unreadable.push_back({pid, added.error().message});
}

Listing list_all() {
  Listing listing;
  const std::vector<pid_t> pids = list_pids();
  for (const pid_t pid : pids) add_process(pid, listing);
  // Each PID namespace has a process 1, or it would be no more.
  listing.others_hidden = !std::binary_search(pids.begin(), pids.end(), 1);
  std::stable_sort(listing.rows.begin(), listing.rows.end(),
                   [](const Row& one, const Row& other) { return one.live > other.live; });
  return listing;
}

void print_line(const nlohmann::ordered_json& json) {
  fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print_json(const Listing& listing) {
  for (const Row& row : listing.rows) {
    nlohmann::ordered_json json = {
        {"type", "process"},      {"pid", row.pid},         {"user", row.user},
        {"runtime", row.runtime}, {"workers", row.workers}, {"live", row.live},
        {"parked", row.parked},   {"lost", row.lost},       {"command", row.command}};
    if (row.inner_pid != 0) json["inner_pid"] = row.inner_pid;
    print_line(json);
  }
  for (const auto& [pid, why] : listing.unreadable) {
    print_line({{"type", "unreadable"}, {"pid", pid}, {"why", why}});
  }
  print_line({{"type", "summary"},
              {"seen", listing.seen},
              {"listed", listing.rows.size()},
              {"not_allowed", listing.not_allowed},
              {"unreadable", listing.unreadable.size()},
              {"others_hidden", listing.others_hidden}});
}

void print_text(const Listing& listing) {
  if (listing.rows.empty()) return;
  fmt::print("{:>7} {:>7}  {:<12} {:<9} {:>7} {:>9} {:>9}  {}\n", "PID", "INNER", "USER", "RUNTIME",
             "WORKERS", "LIVE", "PARKED", "COMMAND");
  for (const Row& row : listing.rows) {
    fmt::print("{:>7} {:>7}  {:<12} {:<9} {:>7} {:>9} {:>9}  {}{}\n", row.pid,
               row.inner_pid == 0 ? "-" : std::to_string(row.inner_pid), row.user, row.runtime,
               row.workers, row.live, row.parked, shorten(row.command, longest_command),
               row.lost == 0 ? "" : fmt::format("  (and {} unread)", row.lost));
  }
}

void print_notes(const Listing& listing) {
  if (listing.rows.empty())
    fmt::print(stderr, "no process that we may look into runs coroutines\n");
  for (const Unreadable& one : listing.unreadable) fmt::print(stderr, "{}\n", one.why);
  if (listing.not_allowed > 0) {
    const bool single = listing.not_allowed == 1;
    fmt::print(stderr, "{} of {} process{} could not be looked into; {}\n", listing.not_allowed,
               listing.seen, listing.seen == 1 ? "" : "es",
               geteuid() != 0
                   ? fmt::format("run as root to see {}", single ? "it" : "them")
                   : fmt::format("{} more privilege than we", single ? "it has" : "they have"));
  }
  if (listing.others_hidden) {
    fmt::print(stderr,
               "/proc hides the processes of others (its option hidepid), so they are not counted; "
               "run as root to see them\n");
  }
}

}  // namespace

ExitCode run_ps(bool json) {
  if (auto checked = check_proc(); !checked) return fail(checked.error());
  const Listing listing = list_all();
  if (json) {
    print_json(listing);
  } else {
    print_text(listing);
  }
  print_notes(listing);
  return exit_ok;
}

}  // namespace coroscope
