// SPDX-License-Identifier: Apache-2.0
// The images of the unit tests as records.
#pragma once

#include <vector>

#include "image.h"
#include "image_input.h"

namespace coroscope::fuzz {

template <typename T>
std::vector<uint8_t> bytes_of(const T& value) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  return {bytes, bytes + sizeof value};
}

// Without the zeros at its end, which a segment has anyway.
template <typename T>
Record segment(uint64_t address, const std::vector<T>& values) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
  Record record{Record::Kind::segment,
                address,
                static_cast<uint32_t>(sizeof(T) * values.size()),
                {bytes, bytes + sizeof(T) * values.size()}};
  while (!record.bytes.empty() && record.bytes.back() == 0) record.bytes.pop_back();
  return record;
}

inline std::vector<Record> records_of(const coro::Image& image) {
  using coro::Image;
  return {segment(Image::descriptor_at, bytes_of(image.descriptor)),
          segment(Image::table_directory_at, image.table_directory),
          segment(Image::slab_at, image.slab),
          segment(Image::data_at, image.data),
          segment(Image::stack_at, image.stack),
          segment(Image::depot_directory_at, image.depot_directory),
          segment(Image::chunk_at, image.chunk),
          segment(Image::frames_at, image.frames),
          segment(Image::counters_at, bytes_of(image.counters))};
}

}  // namespace coroscope::fuzz
