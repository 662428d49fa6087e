// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bpf/map_view.h"
#include "util/fd.h"
#include "util/result.h"

namespace coroscope {

// CounterArray is the counters of one target: a BPF array of records of 64-bit integers,
// mapped into our memory, that lies in a slot of an array of maps. It can grow while
// programs count in it.
class CounterArray {
 public:
  // `outer_fd` outlives the array. Errors: environment.
  static Result<CounterArray> create(int outer_fd, uint32_t slot, const char* name,
                                     size_t record_bytes, uint32_t records);

  CounterArray() = default;
  explicit operator bool() const { return records_ > 0; }

  // Nothing is lost, and nothing counted twice: it is called by who reads, too.
  Result<void> grow(uint32_t records);
  uint32_t records() const { return records_; }

  template <typename Record>
  std::vector<Record> copy() const {
    const Record* first = view_.as<Record>();
    return {first, first + records_};
  }

  // Takes it out of its slot: the programs count there no more.
  void remove();

 private:
  Result<void> make(uint32_t records, Fd* map, MapView* view) const;
  Result<void> put(const Fd& map) const;

  int outer_fd_ = -1;
  uint32_t slot_ = 0;
  const char* name_ = nullptr;
  size_t record_bytes_ = 0;
  uint32_t records_ = 0;
  Fd map_;
  MapView view_;
};

}  // namespace coroscope
