// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "util/result.h"

namespace coroscope {

// MapView maps the values of a BPF_F_MMAPABLE array into our memory.
class MapView {
 public:
  // `bytes` is max_entries times the value size; value sizes are multiples of 8.
  static Result<MapView> open(int map_fd, size_t bytes, const char* name);

  MapView() = default;
  MapView(MapView&& other) noexcept;
  MapView& operator=(MapView&& other) noexcept;
  ~MapView();

  template <typename T>
  T* as() const {
    return static_cast<T*>(address_);
  }

 private:
  void* address_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace coroscope
