// SPDX-License-Identifier: Apache-2.0
#include "parked_target.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>

#include "proc/maps.h"

namespace coroscope {

ParkedTarget::ParkedTarget(const std::string& path, const std::vector<std::string>& arguments) {
  int to[2];
  int from[2];
  if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) return;
  Fd child_in(to[0]);
  Fd child_out(from[1]);
  to_ = Fd(to[1]);
  from_ = Fd(from[0]);
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(child_in.get(), 0);
    ::dup2(child_out.get(), 1);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  child_in.reset();
  child_out.reset();
  if (!wait_parked()) return;
  Result<Process> process = Process::open(pid_);
  if (!process) return;
  process_ = std::move(*process);
  Result<ProcessMemory> memory = ProcessMemory::open(*process_);
  if (memory) memory_.emplace(std::move(*memory));
}

ParkedTarget::~ParkedTarget() {
  kill();
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
}

void ParkedTarget::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
}

bool ParkedTarget::wait_parked() {
  char bytes[sizeof parked_];
  if (::read(from_.get(), bytes, sizeof bytes) != sizeof bytes) return false;
  std::memcpy(&parked_, bytes, sizeof bytes);
  return true;
}

bool ParkedTarget::next() {
  return ::write(to_.get(), "n", 1) == 1 && wait_parked();
}

std::vector<std::byte> ParkedTarget::stack() const {
  const Result<std::vector<Mapping>> maps = read_maps(*process_);
  if (!maps) return {};
  const Mapping* mapping = find_mapping(*maps, parked_.sp);
  if (mapping == nullptr) return {};
  std::vector<std::byte> bytes(std::min<uint64_t>(mapping->end - parked_.sp, 256 << 10));
  if (!memory_->read(parked_.sp, bytes.data(), bytes.size())) return {};
  return bytes;
}

uint32_t marked_line(const std::string& mark) {
  std::ifstream source(PARKED_SOURCE);
  std::string line;
  for (uint32_t number = 1; std::getline(source, line); number++) {
    if (line.ends_with("// line: " + mark)) return number;
  }
  return 0;
}

}  // namespace coroscope
