// SPDX-License-Identifier: Apache-2.0
#include "bpf/counter_array.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace coroscope {

Result<CounterArray> CounterArray::create(int outer_fd, uint32_t slot, const char* name,
                                          size_t record_bytes, uint32_t records) {
  CounterArray array;
  array.outer_fd_ = outer_fd;
  array.slot_ = slot;
  array.name_ = name;
  array.record_bytes_ = record_bytes;
  if (auto made = array.make(records, &array.map_, &array.view_); !made) return made.error();
  if (auto put = array.put(array.map_); !put) return put.error();
  array.records_ = records;
  return array;
}

Result<void> CounterArray::make(uint32_t records, Fd* map, MapView* view) const {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
  Fd made(bpf_map_create(BPF_MAP_TYPE_ARRAY, name_, sizeof(uint32_t),
                         static_cast<uint32_t>(record_bytes_), records, &options));
  if (!made) {
    return Error{ErrorKind::environment, fmt::format("cannot make a BPF array of {} x {} bytes: {}",
                                                     records, record_bytes_, std::strerror(errno))};
  }
  auto mapped = MapView::open(made.get(), record_bytes_ * records, name_);
  if (!mapped) return mapped.error();
  *map = std::move(made);
  *view = std::move(*mapped);
  return {};
}

// Once this is done, no program counts any more in what was there before: the kernel waits
// for those that run when an array of maps is changed (maybe_wait_bpf_programs).
Result<void> CounterArray::put(const Fd& map) const {
  const int fd = map.get();
  if (bpf_map_update_elem(outer_fd_, &slot_, &fd, BPF_ANY) == 0) return {};
  return Error{
      ErrorKind::environment,
      fmt::format("cannot put an array of {} into a BPF map: {}; arrays of several sizes need "
                  "Linux 5.10",
                  name_, std::strerror(errno))};
}

Result<void> CounterArray::grow(uint32_t records) {
  if (records <= records_) return {};
  Fd map;
  MapView view;
  if (auto made = make(records, &map, &view); !made) return made;
  if (auto done = put(map); !done) return done;
  const auto* former = view_.as<uint64_t>();
  auto* now = view.as<uint64_t>();
  for (size_t i = 0; i < records_ * record_bytes_ / sizeof *now; ++i) {
    if (former[i] != 0) std::atomic_ref(now[i]).fetch_add(former[i]);
  }
  map_ = std::move(map);
  view_ = std::move(view);
  records_ = records;
  return {};
}

void CounterArray::remove() {
  if (records_ > 0) bpf_map_delete_elem(outer_fd_, &slot_);
  *this = CounterArray();
}

}  // namespace coroscope
