// SPDX-License-Identifier: Apache-2.0
// coroscope ps: every process with coroutines that we may look into.
#include <fmt/format.h>

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
  std::string user;
  std::string runtime;
  uint32_t workers = 0;
  uint64_t live = 0;
  uint64_t parked = 0;
  uint64_t lost = 0;
  std::string command;
};

struct Listing {
  std::vector<Row> rows;
  std::vector<std::string> unreadable;  // has a runtime, but not one that we can read
  uint64_t forbidden = 0;               // processes we may not look into
};

void add_process(pid_t pid, Listing& listing) {
  const auto process = Process::open(pid);
  if (!process || process->kernel_thread()) return;
  const auto memory = ProcessMemory::open(*process);
  if (!memory) {
    listing.forbidden += memory.error().kind == ErrorKind::environment;
    if (process->main_thread_ended()) listing.unreadable.push_back(memory.error().message);
    return;
  }
  const auto modules = list_modules(*process, *memory);
  if (!modules || !has_runtime(*memory, *modules)) return;
  auto target = open_target(*process, *memory, *modules);
  if (!target) {
    if (process->alive()) listing.unreadable.push_back(target.error().message);
    return;
  }
  const auto census = (*target)->census({});
  if (!census) return;  // it ended meanwhile
  Row row{pid, process->user(),        (*target)->runtime(),   (*target)->workers(), 0,
          0,   census->losses.total(), process->command_line()};
  for (const Member& member : census->members) {
    if (member.system) continue;
    row.live++;
    row.parked += member.activity == Activity::parked;
  }
  listing.rows.push_back(std::move(row));
}

void print_json(const Listing& listing) {
  for (const Row& row : listing.rows) {
    const nlohmann::ordered_json json = {
        {"type", "process"},      {"pid", row.pid},         {"user", row.user},
        {"runtime", row.runtime}, {"workers", row.workers}, {"live", row.live},
        {"parked", row.parked},   {"lost", row.lost},       {"command", row.command}};
    fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
}

void print_text(const Listing& listing) {
  if (listing.rows.empty()) return;
  fmt::print("{:>7}  {:<12} {:<9} {:>7} {:>9} {:>9}  {}\n", "PID", "USER", "RUNTIME", "WORKERS",
             "LIVE", "PARKED", "COMMAND");
  for (const Row& row : listing.rows) {
    fmt::print("{:>7}  {:<12} {:<9} {:>7} {:>9} {:>9}  {}{}\n", row.pid, row.user, row.runtime,
               row.workers, row.live, row.parked, shorten(row.command, longest_command),
               row.lost == 0 ? "" : fmt::format("  (and {} unread)", row.lost));
  }
}

}  // namespace

ExitCode run_ps(bool json) {
  Listing listing;
  for (const pid_t pid : list_pids()) add_process(pid, listing);
  if (json) {
    print_json(listing);
  } else {
    print_text(listing);
  }
  if (listing.rows.empty())
    fmt::print(stderr, "no process that we may look into runs coroutines\n");
  for (const std::string& message : listing.unreadable) fmt::print(stderr, "{}\n", message);
  if (listing.forbidden > 0) {
    fmt::print(stderr, "{} process{} could not be looked into; run as root to see {}\n",
               listing.forbidden, listing.forbidden == 1 ? "" : "es",
               listing.forbidden == 1 ? "it" : "them");
  }
  return exit_ok;
}

}  // namespace coroscope
