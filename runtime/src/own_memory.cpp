// SPDX-License-Identifier: Apache-2.0
#include "own_memory.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace coro::detail {
namespace {

// Where a seccomp filter forbids process_vm_readv.
bool read_by_file(std::uint64_t address, void* to, std::size_t size) noexcept {
  const int file = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t got = pread(file, to, size, static_cast<off_t>(address));
  close(file);
  return got == static_cast<ssize_t>(size);
}

}  // namespace

// The system call itself: the sanitizers' interceptor is not for signal handlers.
bool read_own_memory(std::uint64_t address, void* to, std::size_t size) noexcept {
  const int saved_errno = errno;
  const iovec local{.iov_base = to, .iov_len = size};
  const iovec remote{.iov_base = reinterpret_cast<void*>(address), .iov_len = size};
  const long got = syscall(SYS_process_vm_readv, getpid(), &local, 1, &remote, 1, 0);
  const bool read = got == static_cast<long>(size) ||
                    (got < 0 && errno != EFAULT && read_by_file(address, to, size));
  errno = saved_errno;
  return read;
}

std::string_view read_own_text(std::uint64_t address, std::span<char> buffer) noexcept {
  std::size_t size = 0;
  while (size < buffer.size() && read_own_memory(address + size, buffer[size]) &&
         buffer[size] != '\0') {
    ++size;
  }
  return {buffer.data(), size};
}

}  // namespace coro::detail
