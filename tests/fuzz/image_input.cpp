// SPDX-License-Identifier: Apache-2.0
#include "image_input.h"

#include <algorithm>
#include <cstring>

#include "virtual_time.h"

namespace coroscope::fuzz {
namespace {

// What comes before the bytes of a record, without padding.
constexpr size_t head_bytes = 1 + 8 + 4 + 2;
constexpr size_t max_record_bytes = UINT16_MAX;

constexpr size_t line = 64;

// Far more than it really takes, so that deadlines are met within a short run.
constexpr uint64_t ns_of_a_read = 300'000;
constexpr uint64_t ns_of_a_byte = 200;

template <typename T>
T take(std::span<const uint8_t>& from) {
  T value{};
  std::memcpy(&value, from.data(), sizeof value);
  from = from.subspan(sizeof value);
  return value;
}

template <typename T>
void put(std::vector<uint8_t>& to, T value) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  to.insert(to.end(), bytes, bytes + sizeof value);
}

InputMemory::Segment make_segment(const Record& record, size_t size) {
  InputMemory::Segment segment{record.address, std::vector<std::byte>(size)};
  const bool repeats = record.kind == Record::Kind::repeating && !record.bytes.empty();
  for (size_t at = 0; at < size; at += record.bytes.size()) {
    const size_t bytes = std::min(record.bytes.size(), size - at);
    if (bytes > 0) std::memcpy(segment.bytes.data() + at, record.bytes.data(), bytes);
    if (!repeats) break;
  }
  return segment;
}

}  // namespace

std::vector<Record> parse_records(std::span<const uint8_t> input) {
  std::vector<Record> records;
  while (input.size() >= head_bytes) {
    Record record;
    record.kind = static_cast<Record::Kind>(take<uint8_t>(input) % 3);
    record.address = take<uint64_t>(input);
    record.size = take<uint32_t>(input);
    const size_t bytes = std::min<size_t>(take<uint16_t>(input), input.size());
    record.bytes.assign(input.begin(), input.begin() + static_cast<ptrdiff_t>(bytes));
    input = input.subspan(bytes);
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<uint8_t> write_records(std::span<const Record> records) {
  std::vector<uint8_t> output;
  for (const Record& record : records) {
    const size_t bytes = std::min(record.bytes.size(), max_record_bytes);
    put(output, static_cast<uint8_t>(record.kind));
    put(output, record.address);
    put(output, record.size);
    put(output, static_cast<uint16_t>(bytes));
    output.insert(output.end(), record.bytes.begin(),
                  record.bytes.begin() + static_cast<ptrdiff_t>(bytes));
  }
  return output;
}

InputMemory::InputMemory(std::span<const Record> records) {
  size_t left = max_bytes;
  for (const Record& record : records) {
    if (record.kind == Record::Kind::change) {
      changes_.push_back(record);
      continue;
    }
    // Nothing is mapped at the very end of the address space.
    const uint64_t room = UINT64_MAX - record.address;
    const size_t size = std::min<uint64_t>({record.size, left, room});
    const auto overlaps = [&](const Segment& other) {
      return record.address < other.address + other.bytes.size() &&
             other.address < record.address + size;
    };
    if (std::any_of(segments_.begin(), segments_.end(), overlaps)) continue;
    left -= size;
    segments_.push_back(make_segment(record, size));
  }
}

InputMemory::Segment* InputMemory::find(uint64_t address, size_t size) const {
  for (Segment& segment : segments_) {
    const uint64_t offset = address - segment.address;
    if (address < segment.address || offset > segment.bytes.size()) continue;
    if (size <= segment.bytes.size() - offset) return &segment;
  }
  return nullptr;
}

void InputMemory::step() const {
  steps_++;
  while (next_change_ < changes_.size() && steps_ > changes_[next_change_].size) {
    const Record& change = changes_[next_change_++];
    steps_ = 0;
    Segment* segment = find(change.address, change.bytes.size());
    if (segment == nullptr) continue;
    if (change.bytes.empty()) {
      segment->bytes.clear();
    } else {
      std::memcpy(segment->bytes.data() + (change.address - segment->address), change.bytes.data(),
                  change.bytes.size());
    }
  }
}

bool InputMemory::read(uint64_t address, void* to, size_t size) const {
  const std::lock_guard lock(mutex_);
  spend(ns_of_a_read);
  if (size == 0) return true;
  for (size_t at = 0; at < size;) {
    step();
    // It may have been unmapped since the line before.
    const Segment* segment = find(address, size);
    if (segment == nullptr) return false;
    const bool at_once = next_change_ == changes_.size();
    const size_t bytes = at_once ? size - at : std::min(size - at, line - (address + at) % line);
    std::memcpy(static_cast<std::byte*>(to) + at,
                segment->bytes.data() + (address - segment->address) + at, bytes);
    spend(ns_of_a_byte * bytes);
    at += bytes;
  }
  return true;
}

}  // namespace coroscope::fuzz
