// SPDX-License-Identifier: Apache-2.0
#include "proc/memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "proc/maps.h"

namespace coroscope {
namespace {

constexpr size_t max_batch = 1024;            // IOV_MAX
constexpr size_t max_batch_bytes = 1u << 30;  // the kernel cuts a call off at 2 GiB - 4096

// Up to max_batch requests in one system call.
class Batch {
 public:
  bool add(const Memory::Request& request) {
    if (count_ == max_batch || (count_ > 0 && bytes_ + request.size > max_batch_bytes)) {
      return false;
    }
    local_[count_] = {request.to, request.size};
    remote_[count_] = {reinterpret_cast<void*>(request.address), request.size};
    bytes_ += request.size;
    count_++;
    return true;
  }

  // How many of the requests, from the first on, were read in full; -1 if the process is
  // not there or not ours to read.
  ssize_t run(pid_t pid) const {
    const ssize_t got = ::process_vm_readv(pid, local_.data(), count_, remote_.data(), count_, 0);
    if (got < 0) return errno == EFAULT ? 0 : -1;
    // The kernel stops at the first page that it can not read, which may be
    // in the middle of a request: that one does not count.
    auto rest = static_cast<size_t>(got);
    size_t complete = 0;
    while (complete < count_ && local_[complete].iov_len <= rest)
      rest -= local_[complete++].iov_len;
    return static_cast<ssize_t>(complete);
  }

  size_t count() const { return count_; }
  void clear() { count_ = bytes_ = 0; }

 private:
  std::array<iovec, max_batch> local_;
  std::array<iovec, max_batch> remote_;
  size_t count_ = 0;
  size_t bytes_ = 0;
};

bool sane(const Memory::Request& request) {
  uint64_t end = 0;
  return request.size <= Memory::max_read &&
         !__builtin_add_overflow(request.address, request.size, &end);
}

Error not_allowed(const Process& process) {
  std::string why = fmt::format("{} belongs to user {} and we are uid {}", process.describe(),
                                process.user(), ::geteuid());
  std::string scope;
  if (process.uid() == ::geteuid()) {
    why = fmt::format("{} is ours, but is not dumpable or has more privilege", process.describe());
    if (read_text_file("/proc/sys/kernel/yama/ptrace_scope", &scope) && !scope.starts_with('0')) {
      why = fmt::format("{} is ours, but kernel.yama.ptrace_scope is {}", process.describe(),
                        scope.substr(0, 1));
    }
  }
  return {ErrorKind::environment,
          fmt::format("not allowed to read the memory of process {}: {}; run as root or with "
                      "CAP_SYS_PTRACE",
                      process.pid(), why)};
}

}  // namespace

Result<ProcessMemory> ProcessMemory::open(const Process& process) {
  if (process.kernel_thread()) {
    return Error{ErrorKind::target_bad,
                 fmt::format("{} is a kernel thread; give a program", process.describe())};
  }
  Fd pidfd(::fcntl(process.pidfd(), F_DUPFD_CLOEXEC, 0));
  if (!pidfd) {
    return Error{ErrorKind::environment,
                 fmt::format("can not keep a handle of {}: {}; raise the limit with ulimit -n",
                             process.describe(), std::strerror(errno))};
  }
  // Permission is checked before the address is, so any address will do:
  // EFAULT means that we may.
  char byte = 0;
  const iovec local{&byte, 1};
  const iovec remote{nullptr, 1};
  const ssize_t got = ::process_vm_readv(process.pid(), &local, 1, &remote, 1, 0);
  const int error = errno;
  if (process.ending()) return process.gone();
  if (got < 0 && error == ENOSYS) {
    return Error{ErrorKind::environment,
                 "this kernel has no process_vm_readv; it needs CONFIG_CROSS_MEMORY_ATTACH"};
  }
  if (got < 0 && error == EPERM) return not_allowed(process);
  if (got < 0 && error != EFAULT) {
    return Error{ErrorKind::environment, fmt::format("can not read the memory of {}: {}",
                                                     process.describe(), std::strerror(error))};
  }
  return ProcessMemory(process.pid(), std::move(pidfd));
}

bool ProcessMemory::alive() const {
  pollfd poll_fd{pidfd_.get(), POLLIN, 0};
  int ready = 0;
  do ready = ::poll(&poll_fd, 1, 0);
  while (ready < 0 && errno == EINTR);
  return ready == 0;
}

bool ProcessMemory::read(uint64_t address, void* to, size_t size) const {
  if (!sane({address, to, size, false})) return false;
  if (size == 0) return true;
  const iovec local{to, size};
  const iovec remote{reinterpret_cast<void*>(address), size};
  const ssize_t got = ::process_vm_readv(pid_, &local, 1, &remote, 1, 0);
  // Alive after the read: so the number was still its own during it.
  return got == static_cast<ssize_t>(size) && alive();
}

size_t ProcessMemory::read_many(std::span<Request> requests) const {
  Batch batch;
  size_t done = 0;
  // After a failure, small batches first: many failures in a row then
  // cost a short call each, not one that lists a thousand more requests.
  size_t limit = max_batch;
  bool there = true;
  for (Request& request : requests) request.ok = false;
  for (size_t at = 0; at < requests.size() && there;) {
    if (requests[at].size == 0 || !sane(requests[at])) {
      requests[at].ok = requests[at].size == 0;
      if (requests[at++].ok) done++;
      continue;
    }
    batch.clear();
    for (size_t i = at; i < requests.size() && batch.count() < limit; i++) {
      if (requests[i].size == 0 || !sane(requests[i]) || !batch.add(requests[i])) break;
    }
    const ssize_t complete = batch.run(pid_);
    there = complete >= 0;
    if (!there) break;
    for (ssize_t i = 0; i < complete; i++) requests[at++].ok = true;
    done += static_cast<size_t>(complete);
    if (static_cast<size_t>(complete) == batch.count()) {
      limit = std::min(limit * 2, max_batch);
    } else {
      at++;  // the one that stopped it
      limit = 8;
    }
  }
  if (alive()) return done;
  for (Request& request : requests) request.ok = false;
  return 0;
}

}  // namespace coroscope
