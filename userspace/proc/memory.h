// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "proc/process.h"
#include "util/fd.h"
#include "util/result.h"

namespace coroscope {

// Memory reads bytes at addresses of the target. A read is whole or it failed;
// what a failed read leaves in the buffer is not defined.
class Memory {
 public:
  // No request may be larger; a larger one fails as unreadable.
  static constexpr size_t max_read = size_t{1} << 30;

  struct Request {
    uint64_t address = 0;
    void* to = nullptr;
    size_t size = 0;
    bool ok = false;  // set by read_many
  };

  virtual ~Memory() = default;

  virtual bool read(uint64_t address, void* to, size_t size) const = 0;

  // Fills every request that can be filled and returns how many those are. One
  // that is unreadable does not spoil the others.
  virtual size_t read_many(std::span<Request> requests) const;

  template <typename T>
  bool read_value(uint64_t address, T* value) const {
    static_assert(std::is_trivially_copyable_v<T>);
    return read(address, value, sizeof *value);
  }
};

// ProcessMemory reads another process without stopping it. Reads fail once the
// process has ended, also if its number is in use again.
class ProcessMemory : public Memory {
 public:
  // Tries one read. Errors: environment with who may read the target and how,
  // target_gone, target_bad for a kernel thread.
  static Result<ProcessMemory> open(const Process& process);

  bool read(uint64_t address, void* to, size_t size) const override;
  size_t read_many(std::span<Request> requests) const override;

 private:
  ProcessMemory(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  bool alive() const;

  pid_t pid_;
  Fd pidfd_;
};

// SnapshotMemory serves ranges that were copied before; what is in none of
// them comes from `fallback`, if there is one (it must live longer). A read
// that is only partly in a range goes to the fallback as a whole.
class SnapshotMemory : public Memory {
 public:
  explicit SnapshotMemory(const Memory* fallback = nullptr) : fallback_(fallback) {}

  // Ranges do not overlap; of those that do, any may answer.
  void add(uint64_t address, std::vector<std::byte> bytes);
  void add(uint64_t address, const void* bytes, size_t size);

  bool read(uint64_t address, void* to, size_t size) const override;

 private:
  struct Range {
    uint64_t address;
    std::vector<std::byte> bytes;
  };

  std::vector<Range> ranges_;  // ascending
  const Memory* fallback_;
};

}  // namespace coroscope
