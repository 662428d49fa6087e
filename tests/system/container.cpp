// SPDX-License-Identifier: Apache-2.0
#include "container.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace coroscope::testing {
namespace {

namespace fs = std::filesystem;

// In a child before exec: says what failed and ends.
void must(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  _exit(126);
}

void write_file(const char* path, const char* text) {
  const Fd file(::open(path, O_WRONLY));
  must(::write(file.get(), text, std::strlen(text)) > 0, path);
}

// The new PID namespace is only for those who are forked. Returns in the child; its
// parent tells its number, if asked to, and ends as it does.
void fork_into_namespace(bool tell) {
  int told[2];
  must(pipe(told) == 0, "pipe");
  const pid_t child = fork();
  must(child >= 0, "fork");
  if (child == 0) {
    char byte = 0;
    must(::read(told[0], &byte, 1) == 1, "read");
    must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
    return;
  }
  if (tell) dprintf(STDOUT_FILENO, "%d\n", child);
  must(::write(told[1], "x", 1) == 1, "write");
  int status = 0;
  waitpid(child, &status, 0);
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128);
}

// Files are read while the host's are still in sight, and written to a root that only
// this namespace knows.
void make_root(const std::map<std::string, std::string>& files) {
  must(mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
  std::map<std::string, Fd> opened;
  for (const auto& [inside, outside] : files) {
    opened[inside] = Fd(::open(outside.c_str(), O_RDONLY | O_CLOEXEC));
  }
  const fs::path root = "/tmp";
  must(mount("none", root.c_str(), "tmpfs", 0, nullptr) == 0, "tmpfs");
  for (const auto& [inside, file] : opened) {
    const fs::path to = root / fs::path(inside).relative_path();
    fs::create_directories(to.parent_path());
    fs::copy_file("/proc/self/fd/" + std::to_string(file.get()), to);
  }
  for (const char* folder : {"proc", "usr"}) fs::create_directories(root / folder);
  must(mount("proc", "/tmp/proc", "proc", 0, nullptr) == 0, "proc");
  must(mount("/usr", "/tmp/usr", nullptr, MS_BIND | MS_REC, nullptr) == 0, "/usr");
  for (const char* link : {"lib", "lib64"}) {
    if (!fs::exists(root / link)) fs::create_symlink(std::string("usr/") + link, root / link);
  }
  must(chdir("/tmp") == 0 && syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
  must(umount2(".", MNT_DETACH) == 0 && chdir("/") == 0, "umount");
}

void contain(const std::map<std::string, std::string>& files) {
  must(unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) == 0, "unshare");
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "0 0 1");
  write_file("/proc/self/gid_map", "0 0 1");
  fork_into_namespace(true);
  make_root(files);
}

void enter(pid_t pid, Container::Enter how) {
  const auto namespace_of = [pid](const char* name) {
    return Fd(::open(("/proc/" + std::to_string(pid) + "/ns/" + name).c_str(), O_RDONLY));
  };
  const Fd users = namespace_of("user"), pids = namespace_of("pid"), mounts = namespace_of("mnt");
  if (how == Container::Enter::all) {
    must(setns(users.get(), CLONE_NEWUSER) == 0, "enter users");
    must(setns(mounts.get(), CLONE_NEWNS) == 0, "enter mounts");
  }
  must(setns(pids.get(), CLONE_NEWPID) == 0, "enter pids");
  fork_into_namespace(false);
  if (how == Container::Enter::pids) {
    must(unshare(CLONE_NEWNS) == 0, "unshare");
    must(mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    must(mount("proc", "/proc", "proc", 0, nullptr) == 0, "proc");
  }
}

}  // namespace

Container::Container(const std::map<std::string, std::string>& files,
                     const std::vector<std::string>& arguments)
    : child_(arguments, {.before_exec = [&files] { contain(files); }, .want_pid = 0}) {
  const auto number = child_.read_line();
  pid_ = std::atoi(number.value_or("").c_str());
  EXPECT_GT(pid_, 0) << "no container";
}

Outcome Container::run(const std::vector<std::string>& arguments, Enter how) const {
  return testing::run(arguments, {.before_exec = [this, how] { enter(pid_, how); }, .want_pid = 0});
}

}  // namespace coroscope::testing
