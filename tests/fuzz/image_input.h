// SPDX-License-Identifier: Apache-2.0
// A target's memory as the bytes of one fuzz input: segments, and changes that the
// target makes to them while it is read. README.md has the form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "proc/memory.h"

namespace coroscope::fuzz {

// Record is one piece of an input. Any bytes are some records, and what is written
// of records are the same when they are read again.
struct Record {
  enum class Kind : uint8_t {
    segment,    // `bytes`, then zeros up to `size`
    repeating,  // `bytes` over and over, `size` in all
    change,     // made once `size` steps have passed since the one before
  } kind = Kind::segment;
  uint64_t address = 0;
  uint32_t size = 0;
  std::vector<uint8_t> bytes;  // of a change without any: the segment there is unmapped
};

std::vector<Record> parse_records(std::span<const uint8_t> input);
std::vector<uint8_t> write_records(std::span<const Record> records);

// InputMemory serves the records' segments, but for those that overlap one before. A step is a
// read, or a cache line of it: a change may come in the middle of one. Reading costs virtual time.
class InputMemory : public Memory {
 public:
  // Of one input, so that none is slow because it is large.
  static constexpr size_t max_bytes = 1 << 20;

  struct Segment {
    uint64_t address = 0;
    std::vector<std::byte> bytes;
  };

  explicit InputMemory(std::span<const Record> records);

  // May be called by several threads.
  bool read(uint64_t address, void* to, size_t size) const override;

  // Whether it is the same all the time.
  bool still() const { return changes_.empty(); }
  const std::vector<Segment>& segments() const { return segments_; }

 private:
  Segment* find(uint64_t address, size_t size) const;
  void step() const;

  mutable std::mutex mutex_;
  mutable std::vector<Segment> segments_;
  std::vector<Record> changes_;
  mutable size_t next_change_ = 0;
  mutable uint64_t steps_ = 0;  // since the last one
};

}  // namespace coroscope::fuzz
