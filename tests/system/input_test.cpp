// SPDX-License-Identifier: Apache-2.0
// Bad input: one clear line, the documented exit code, nothing left behind.
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

#include "bpf/uprobe_multi.h"
#include "churn_target.h"
#include "probe_sites.h"

namespace coroscope::testing {
namespace {

constexpr int exit_ok = 0;
constexpr int exit_usage = 2;
constexpr int exit_environment = 3;
constexpr int exit_target_gone = 4;

// One line on stderr that holds `text`, nothing on stdout.
void expect_refusal(const Outcome& outcome, int code, const std::string& text) {
  EXPECT_EQ(outcome.code, code) << outcome.errors;
  EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
  EXPECT_NE(outcome.errors.find(text), std::string::npos) << outcome.errors;
  EXPECT_EQ(outcome.output, "");
}

Outcome watch(const std::string& pid, const Child::Options& options = {}) {
  return run(coroscope({"watch", pid, "--for", "300ms", "-i", "100ms"}), options);
}

TEST(BadInput, NoSuchProcess) {
  Child ended({program("sleeper")});
  ended.signal(SIGKILL);
  ended.wait();
  expect_refusal(watch(std::to_string(ended.pid())), exit_target_gone, "no process");
}

TEST(BadInput, WhatIsNoProcessNumber) {
  for (const char* pid : {"abc", "0", "12x", "99999999999999999999", "1.5", ""}) {
    expect_refusal(watch(pid), exit_usage, "no process number");
  }
}

TEST(BadInput, NoProcessNumberAtAll) {
  expect_refusal(run(coroscope({"watch"})), exit_usage, "PID is required");
  expect_refusal(run(coroscope({})), exit_usage, "coroscope --help");
  expect_refusal(run(coroscope({"frobnicate"})), exit_usage, "coroscope --help");
}

TEST(BadInput, TheSameProcessTwice) {
  const std::string self = std::to_string(getpid());
  expect_refusal(run(coroscope({"watch", self, self})), exit_usage, "named twice");
}

TEST(BadInput, AllowListsThatMakeNoSense) {
  const std::string self = std::to_string(getpid());
  const auto refused = [&self](const char* option, const std::string& value,
                               const std::string& text) {
    expect_refusal(run(coroscope({"watch", self, option, value})), exit_usage, text);
  };
  refused("--ignore-top", "(", "--ignore-top: '(' is no regular expression");
  refused("--ignore-any", "a)", "--ignore-any: ");
  refused("--ignore-created-by", "[", "--ignore-created-by: ");
  refused("--ignore-label", "tenant", "--ignore-label: 'tenant' is not KEY=VALUE");
  refused("--ignore-file", "/nowhere", "cannot read /nowhere: No such file");
  refused("--ignore-file", "/", "cannot read /: Is a directory");
  refused("--ignore-file", "/proc/self/comm", "/proc/self/comm: parse error at line 1");
  refused("--ignore-file", "/dev/zero", "larger than 1 MiB");
}

TEST(BadInput, MoreProcessesThanItCanWatch) {
  std::vector<std::string> arguments = {"watch"};
  for (int pid = 1; pid <= 257; ++pid) arguments.push_back(std::to_string(pid));
  expect_refusal(run(coroscope(arguments)), exit_usage, "at most 256");
}

TEST(BadInput, OutputThatCanNotBeWritten) {
  ChurnTarget target;
  const std::string pid = std::to_string(target.pid());
  for (const std::string& command :
       {std::string("ps"), std::string("doctor"), "watch " + pid + " --for 300ms -i 100ms"}) {
    for (const char* output : {"/dev/full", "&-"}) {
      const Outcome outcome =
          run({"/bin/sh", "-c", COROSCOPE_COMMAND " " + command + " >" + output});
      EXPECT_EQ(outcome.code, exit_environment) << command << " >" << output;
      EXPECT_NE(outcome.errors.find("cannot write to stdout"), std::string::npos) << outcome.errors;
    }
  }
}

// More than fits the buffer of stdout, so that it fails in the middle.
TEST(BadInput, LongOutputThatCanNotBeWritten) {
  const std::string file = ::testing::TempDir() + "long_watch.json";
  nlohmann::json findings = nlohmann::json::array();
  for (int i = 0; i < 1000; ++i) findings.push_back({{"verdict", "steady"}, {"reason", "sleep"}});
  std::ofstream(file) << nlohmann::json{{"type", "report"},
                                        {"targets", {{{"pid", 1}, {"findings", findings}}}}}
                      << '\n';
  const std::string command = std::string(COROSCOPE_COMMAND) + " explain " + file;
  const Outcome whole = run({"/bin/sh", "-c", command});
  EXPECT_EQ(whole.code, exit_ok) << whole.errors;
  EXPECT_GT(whole.output.size(), 10'000u);
  const Outcome full = run({"/bin/sh", "-c", command + " >/dev/full"});
  EXPECT_EQ(full.code, exit_environment);
  EXPECT_NE(full.errors.find("cannot write to stdout"), std::string::npos) << full.errors;
  // Whoever closes the pipe has had enough.
  const Outcome closed =
      run({"/bin/sh", "-c", "trap '' PIPE; (" + command + "; echo code $? >&2) | true"});
  EXPECT_EQ(closed.errors, "code 0\n");
}

TEST(BadInput, AProcessWithoutTheRuntime) {
  Child target({program("sleeper")});
  expect_refusal(watch(std::to_string(target.pid())), exit_environment, "no coroutine runtime");
}

TEST(BadInput, ADurationThatIsNone) {
  const std::string self = std::to_string(getpid());
  for (const char* duration : {"30", "s", "-1s", "0s", "1 s", "1x", "1e9h", ""}) {
    if (*duration != '\0') {
      expect_refusal(run(coroscope({"watch", self, "--for", duration})), exit_usage, "--for: ");
    }
    expect_refusal(run(coroscope({"watch", self, "-i", duration})), exit_usage, "--interval: ");
  }
  expect_refusal(run(coroscope({"watch", self, "-i", "1us"})), exit_usage, "too short");
}

// Like a person without privilege, with the binaries still readable.
TEST(BadInput, AProcessOfAnotherUserWithoutPrivilege) {
  ChurnTarget target;
  const auto sites = probe_sites(target.pid());
  expect_refusal(watch(std::to_string(target.pid()), {.before_exec = become_nobody, .want_pid = 0}),
                 exit_environment, "root");
  EXPECT_TRUE(untouched(target.pid(), sites));
}

TEST(BadInput, AProcessOfOnesOwnWithoutBpfPrivilege) {
  Child target({program("churn")}, {.before_exec = become_nobody, .want_pid = 0});
  ASSERT_EQ(target.read_line(), "ready");
  expect_refusal(watch(std::to_string(target.pid()), {.before_exec = become_nobody, .want_pid = 0}),
                 exit_environment, "CAP_BPF");
}

void filter_system_calls(std::vector<sock_filter> filter) {
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(126);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(126);
}

// Makes one system call fail as a kernel without it does.
void remove_system_call(uint32_t number) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  filter_system_calls({std::begin(filter), std::end(filter)});
}

// Makes a command of bpf(2) fail as a kernel without it does.
void remove_bpf_command(uint32_t command) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, command, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  filter_system_calls({std::begin(filter), std::end(filter)});
}

TEST(BadInput, AKernelWithoutBpf) {
  ChurnTarget target;
  const auto sites = probe_sites(target.pid());
  const Child::Options without{.before_exec = [] { remove_system_call(SYS_bpf); }, .want_pid = 0};
  expect_refusal(watch(std::to_string(target.pid()), without), exit_environment, "without BPF");
  EXPECT_TRUE(untouched(target.pid(), sites));

  const Outcome doctor = run(coroscope({"doctor"}), without);
  EXPECT_EQ(doctor.code, exit_environment);
  EXPECT_NE(doctor.output.find("missing  BPF programs"), std::string::npos) << doctor.output;
}

// Hides a folder of /sys behind an empty one, in a mount namespace of our own.
void hide(const char* folder) {
  if (unshare(CLONE_NEWNS) != 0 || mount("", "/sys", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      (access(folder, F_OK) == 0 && mount("none", folder, "tmpfs", 0, nullptr) != 0)) {
    _exit(126);
  }
}

TEST(BadInput, AKernelWithoutUprobes) {
  ChurnTarget target;
  const auto sites = probe_sites(target.pid());
  const Child::Options without{.before_exec =
                                   [] {
                                     hide("/sys/bus/event_source/devices");
                                     remove_bpf_command(BPF_LINK_CREATE);
                                   },
                               .want_pid = 0};
  expect_refusal(watch(std::to_string(target.pid()), without), exit_environment, "doctor");
  EXPECT_TRUE(untouched(target.pid(), sites));

  const Outcome doctor = run(coroscope({"doctor"}), without);
  EXPECT_EQ(doctor.code, exit_environment);
  EXPECT_NE(doctor.output.find("missing  uprobes"), std::string::npos) << doctor.output;
}

// Nothing is missing there: the programs need no types of the kernel.
TEST(Watch, WorksOnAKernelWithoutBtf) {
  ChurnTarget target;
  const Child::Options without{.before_exec = [] { hide("/sys/kernel/btf"); }, .want_pid = 0};
  const Outcome outcome = watch(std::to_string(target.pid()), without);
  EXPECT_EQ(outcome.code, exit_ok) << outcome.errors;
  EXPECT_NE(outcome.output.find("completeness 100%"), std::string::npos) << outcome.output;
}

// They are for kernels without links of several probes.
TEST(BadInput, AKernelWithoutPerfEvents) {
  ChurnTarget target;
  const auto sites = probe_sites(target.pid());
  if (uprobe_multi_works()) {
    const Outcome outcome =
        watch(std::to_string(target.pid()),
              {.before_exec = [] { remove_system_call(SYS_perf_event_open); }, .want_pid = 0});
    EXPECT_EQ(outcome.code, exit_ok) << outcome.errors;
    EXPECT_NE(outcome.output.find("completeness 100%"), std::string::npos) << outcome.output;
  }
  const Child::Options without{.before_exec =
                                   [] {
                                     remove_bpf_command(BPF_LINK_CREATE);
                                     remove_system_call(SYS_perf_event_open);
                                   },
                               .want_pid = 0};
  expect_refusal(watch(std::to_string(target.pid()), without), exit_environment, "doctor");
  EXPECT_TRUE(untouched(target.pid(), sites));
}

struct Corrupt {
  const char* mode;
  int code;
  const char* text;  // in what is printed
};
void PrintTo(const Corrupt& corrupt, std::ostream* out) {
  *out << corrupt.mode;
}

class CorruptTarget : public ::testing::TestWithParam<Corrupt> {};
INSTANTIATE_TEST_SUITE_P(
    Modes, CorruptTarget,
    ::testing::Values(Corrupt{"valid", exit_ok, "completeness 100%"},
                      Corrupt{"version", exit_environment, "use a coroscope as new as"},
                      Corrupt{"magic", exit_environment, "makes no sense"},
                      Corrupt{"header_size_zero", exit_environment, "makes no sense"},
                      Corrupt{"huge_counts", exit_environment, "makes no sense"},
                      Corrupt{"bad_slab_address", exit_ok, "table slots"},
                      Corrupt{"depot_cycle_or_garbage", exit_ok, "completeness"},
                      Corrupt{"odd_sequence", exit_ok, "changed during every read"}),
    [](const auto& corrupt) { return std::string(corrupt.param.mode); });

// Bounded: the run below has a second's worth of work at most, and a time-out.
TEST_P(CorruptTarget, IsRefusedOrCountedNeverBelieved) {
  Child target({program("corrupt_table"), GetParam().mode});
  ASSERT_EQ(target.read_line(), "ready");
  const auto sites = probe_sites(target.pid());
  // Verdicts on so little would be withheld; what is tested here is that it was counted.
  const Outcome outcome = run(coroscope({"watch", std::to_string(target.pid()), "--for", "300ms",
                                         "-i", "100ms", "--completeness", "0"}));
  EXPECT_EQ(outcome.code, GetParam().code) << outcome.errors << outcome.output;
  EXPECT_NE((outcome.output + outcome.errors).find(GetParam().text), std::string::npos)
      << outcome.errors << outcome.output;
  if (outcome.code != exit_ok) expect_refusal(outcome, GetParam().code, GetParam().text);
  EXPECT_TRUE(becomes_untouched(target.pid(), sites));
}

TEST(BadInput, AReaderThatGoesAwayEndsTheWatch) {
  ChurnTarget target;
  Child observer({"/bin/sh", "-c",
                  std::string(COROSCOPE_COMMAND) + " watch " + std::to_string(target.pid()) +
                      " --json -i 20ms | head -n 1; echo done"});
  EXPECT_NE(observer.read_line()->find("attached"), std::string::npos);
  EXPECT_EQ(observer.read_line(), "done");
  EXPECT_EQ(observer.wait(), 0);
}

}  // namespace
}  // namespace coroscope::testing
