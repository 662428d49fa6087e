// SPDX-License-Identifier: Apache-2.0
// coroscope doctor: what this host allows, seen by trying it.
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "bpf/kernel_counters.h"
#include "bpf/self_test.h"
#include "bpf/uprobe_multi.h"
#include "cli/check.h"
#include "cli/commands.h"
#include "cli/doctor_costs.h"
#include "proc/memory.h"
#include "proc/process.h"

namespace coroscope {
namespace {

Check check_kernel() {
  utsname names{};
  uname(&names);
  return {"kernel", true, true, fmt::format("Linux {} on {}", names.release, names.machine), ""};
}

Check check_privilege() {
  Check check{"privilege", geteuid() == 0, false, fmt::format("effective user id {}", geteuid()),
              ""};
  if (!check.ok) {
    check.fix =
        "run as root, or give CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE, and CAP_SYS_ADMIN where the "
        "kernel wants that for uprobes; whether what you "
        "have is enough is seen below";
  }
  return check;
}

Check check_file(const char* name, const char* path, const char* fix, bool needed) {
  Check check{name, access(path, F_OK) == 0, needed, path, ""};
  if (!check.ok) {
    check.found += " is missing";
    check.fix = fix;
  }
  return check;
}

Check check_lockdown() {
  Check check{"lockdown", true, false, "off", ""};
  std::string text;
  if (!read_text_file("/sys/kernel/security/lockdown", &text, 256)) return check;
  if (text.find("[confidentiality]") != std::string::npos) {
    check.ok = false;
    check.found = "confidentiality";
    check.fix = "BPF may not read memory in this mode; boot with lockdown=integrity or none";
  }
  return check;
}

Check from_result(const char* name, const Result<void>& result, const char* found) {
  Check check{name, result.ok(), true, found, ""};
  if (!result) {
    check.found = "no";
    check.fix = result.error().message;
  }
  return check;
}

Result<void> try_loading() {
  auto kernel = KernelCounters::load({});
  if (!kernel) return kernel.error();
  return {};
}

// The process that started us, because one's own memory can always be read.
Result<void> try_reading() {
  auto process = Process::open(getppid() > 1 ? getppid() : getpid());
  if (!process) return process.error();
  auto memory = ProcessMemory::open(*process);
  if (!memory) return memory.error();
  return {};
}

// By links of several probes, which have semaphores; else by perf events.
void check_uprobes(std::vector<Check>& checks) {
  if (uprobe_multi_works()) {
    checks.push_back({"uprobes", true, true, "one link has all probes of a process", ""});
    return;
  }
  checks.push_back(check_file("uprobes", "/sys/bus/event_source/devices/uprobe/type",
                              "this kernel needs CONFIG_UPROBE_EVENTS and CONFIG_PERF_EVENTS",
                              true));
  checks.push_back(check_file("semaphores",
                              "/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset",
                              "USDT semaphores need Linux 4.20", true));
}

std::vector<Check> run_checks() {
  std::vector<Check> checks;
  checks.push_back(check_kernel());
  checks.push_back(check_privilege());
  checks.push_back(check_lockdown());
  check_uprobes(checks);
  checks.push_back(
      from_result("BPF programs", try_loading(), "loaded and accepted by the verifier"));
  checks.push_back(from_result("event delivery", test_event_delivery(),
                               "a probe of this process was passed 3 times, 3 events arrived"));
  checks.push_back(
      from_result("reading memory", try_reading(), "another process of this user can be read"));
  return checks;
}

void print(const Check& check, bool json) {
  const char* status = check.ok ? "ok" : check.needed ? "missing" : "note";
  if (json) {
    const nlohmann::ordered_json line = {{"type", "check"},      {"name", check.name},
                                         {"status", status},     {"needed", check.needed},
                                         {"found", check.found}, {"fix", check.fix}};
    fmt::print("{}\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  fmt::print("{:<8} {:<19} {}\n", status, check.name, check.found);
  if (!check.fix.empty()) fmt::print("{:<28} fix: {}\n", "", check.fix);
}

}  // namespace

ExitCode run_doctor(const DoctorOptions& options) {
  std::vector<Check> checks = run_checks();
  if (options.serve) {
    for (Check& check : serve_checks(options.config)) checks.push_back(std::move(check));
  }
  bool works = true;
  for (const Check& check : checks) {
    print(check, options.json);
    works = works && (check.ok || !check.needed);
  }
  const char* command = options.serve ? "serve" : "watch";
  if (!options.json) {
    fmt::print("`coroscope {}` {}\n", command,
               works ? "works here." : "does not work here: see what is missing above.");
  }
  if (!works) return exit_environment;
  return options.pid.empty() ? exit_ok : tell_costs(options.pid, options.json);
}

}  // namespace coroscope
