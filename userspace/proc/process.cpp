// SPDX-License-Identifier: Apache-2.0
#include "proc/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>

#include "util/text.h"

namespace coroscope {
namespace {

constexpr uint32_t pf_kthread = 0x00200000;  // PF_KTHREAD of the kernel's sched.h

template <typename T>
bool parse_number(std::string_view text, T* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

// Field `index` (from 0) of `text`, which blanks divide; empty if there are fewer.
std::string_view field(std::string_view text, size_t index) {
  constexpr std::string_view blanks = " \t\n";
  while (true) {
    const size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(blanks), text.size());
    if (index-- == 0) return text.substr(0, end);
    text.remove_prefix(end);
  }
}

// What stands after "Key:" in /proc/PID/status.
std::string_view status_value(std::string_view status, std::string_view key) {
  while (!status.empty()) {
    const size_t end = std::min(status.find('\n'), status.size());
    const std::string_view line = status.substr(0, end);
    if (line.starts_with(key) && line.substr(key.size()).starts_with(':')) {
      return line.substr(key.size() + 1);
    }
    status.remove_prefix(std::min(end + 1, status.size()));
  }
  return {};
}

// The number of a process in its own PID namespace, which is the last of those in
// all namespaces from that of /proc on; 0 if there is only one.
pid_t inner_number(std::string_view status) {
  const std::string_view numbers = status_value(status, "NSpid");
  pid_t inner = 0;
  for (size_t i = 1; !field(numbers, i).empty(); i++) {
    if (!parse_number(field(numbers, i), &inner)) return 0;
  }
  return inner;
}

Error no_process(pid_t pid) {
  return {ErrorKind::target_gone,
          fmt::format("no process {} (it has ended or never was); list processes with "
                      "`coroscope ps`",
                      pid)};
}

std::string proc_file(pid_t pid, const char* name) {
  return fmt::format("/proc/{}/{}", pid, name);
}

// Why there is no pidfd for `pid`, which /proc may well know.
Error why_no_pidfd(pid_t pid, int error) {
  std::string status;
  pid_t group = 0;
  if (read_text_file(proc_file(pid, "status"), &status) &&
      parse_number(field(status_value(status, "Tgid"), 0), &group) && group != pid) {
    return {ErrorKind::usage,
            fmt::format("{} is a thread of process {}; give the process, {}", pid, group, group)};
  }
  if (error == ESRCH || error == EINVAL || error == ENOENT) return no_process(pid);
  if (error == ENOSYS) {
    return {ErrorKind::environment,
            "this kernel has no pidfd_open; coroscope needs Linux 5.10 or later"};
  }
  return {ErrorKind::environment,
          fmt::format("can not open process {}: {}", pid, std::strerror(error))};
}

}  // namespace

bool read_text_file(const std::string& path, std::string* text, size_t limit) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return false;
  text->clear();
  std::array<char, 16384> buffer;
  while (text->size() < limit) {
    const size_t want = std::min(buffer.size(), limit - text->size());
    const ssize_t got = ::read(fd.get(), buffer.data(), want);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;
    text->append(buffer.data(), static_cast<size_t>(got));
  }
  return true;
}

Result<void> check_proc() {
  const char* fix =
      "mount the one of this namespace (mount -t proc proc /proc), or run coroscope outside of it";
  std::string status;
  if (!read_text_file("/proc/self/status", &status)) {
    return Error{
        ErrorKind::environment,
        fmt::format("/proc is not mounted, or is of a PID namespace that we are not in; {}", fix)};
  }
  if (inner_number(status) == 0) return {};
  return Error{ErrorKind::environment,
               fmt::format("/proc is of another PID namespace than ours, so the same number means "
                           "two processes; {}",
                           fix)};
}

Result<ProcessStat> parse_stat(std::string_view text) {
  const Error malformed{ErrorKind::environment, "a /proc/PID/stat is not as the kernel writes it"};
  // pid (comm) state ...: the last ')' ends the name, whatever is in it.
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return malformed;
  }
  ProcessStat stat;
  stat.name = printable(std::string(text.substr(open + 1, close - open - 1)));
  const std::string_view rest = text.substr(close + 1);  // begins with field 3, the state
  const std::string_view state = field(rest, 0);
  if (state.size() != 1) return malformed;
  stat.state = state[0];
  uint64_t user_ticks = 0;
  uint64_t system_ticks = 0;
  if (!parse_number(field(rest, 9 - 3), &stat.flags) ||
      !parse_number(field(rest, 14 - 3), &user_ticks) ||
      !parse_number(field(rest, 15 - 3), &system_ticks) ||
      !parse_number(field(rest, 20 - 3), &stat.threads) ||
      !parse_number(field(rest, 22 - 3), &stat.start_ticks) ||
      !parse_number(field(rest, 24 - 3), &stat.resident_pages)) {
    return malformed;
  }
  (void)parse_number(field(rest, 28 - 3), &stat.start_stack);
  stat.cpu_ticks = user_ticks + system_ticks;
  return stat;
}

Result<Process> Process::open(pid_t pid) {
  if (pid <= 0) {
    return Error{ErrorKind::usage,
                 fmt::format("{} is not a process id; give a number above 0", pid)};
  }
  if (auto checked = check_proc(); !checked) return checked.error();
  Process process;
  process.pid_ = pid;
  process.pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.pidfd_) return why_no_pidfd(pid, errno);

  std::string stat_text;
  std::string status;
  if (!read_text_file(process.proc_path("stat"), &stat_text) ||
      !read_text_file(process.proc_path("status"), &status) || !process.alive()) {
    return no_process(pid);
  }
  Result<ProcessStat> stat = parse_stat(stat_text);
  if (!stat) return stat.error();
  process.inner_pid_ = inner_number(status);
  process.start_ticks_ = stat->start_ticks;
  process.name_ = std::move(stat->name);
  process.kernel_thread_ = (stat->flags & pf_kthread) != 0;
  // Not there without the right to read the process's memory, and not needed then.
  process.memory_mark_ = Fd(::open(process.proc_path("mem").c_str(), O_RDONLY | O_CLOEXEC));
  if (!parse_number(field(status_value(status, "Uid"), 1), &process.uid_)) {
    return Error{ErrorKind::environment, fmt::format("{} has no Uid line; is /proc a proc file "
                                                     "system?",
                                                     process.proc_path("status"))};
  }
  return process;
}

std::optional<ProcessStat> Process::stat() const {
  std::string text;
  if (!read_text_file(proc_path("stat"), &text) || !alive()) return std::nullopt;
  const Result<ProcessStat> stat = parse_stat(text);
  return stat ? std::optional<ProcessStat>(*stat) : std::nullopt;
}

std::string Process::command_line() const {
  constexpr size_t limit = 64 << 10;
  std::string text;
  if (!read_text_file(proc_path("cmdline"), &text, limit)) text.clear();
  while (!text.empty() && text.back() == '\0') text.pop_back();
  if (text.empty() || !alive()) return "[" + name_ + "]";
  std::replace(text.begin(), text.end(), '\0', ' ');
  return printable(std::move(text));
}

std::string Process::user() const {
  std::array<char, 4096> buffer;
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid_, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    return found->pw_name;
  }
  return std::to_string(uid_);
}

std::string Process::describe() const {
  if (inner_pid_ == 0) return fmt::format("process {} ({})", pid_, name_);
  return fmt::format("process {} ({}, inner pid {})", pid_, name_, inner_pid_);
}

std::string Process::proc_path(const char* name) const {
  return proc_file(pid_, name);
}

std::vector<pid_t> list_numbers(const std::string& path) {
  std::vector<pid_t> numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory) return numbers;
  while (const dirent* entry = ::readdir(directory.get())) {
    pid_t number = 0;
    if (parse_number(std::string_view(entry->d_name), &number)) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::vector<pid_t> list_pids() {
  return list_numbers("/proc");
}

}  // namespace coroscope
