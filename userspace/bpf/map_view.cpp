// SPDX-License-Identifier: Apache-2.0
#include "bpf/map_view.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace coroscope {

Result<MapView> MapView::open(int map_fd, size_t bytes, const char* name) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t rounded = (bytes + page - 1) / page * page;
  void* address = mmap(nullptr, rounded, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (address == MAP_FAILED) {
    return Error{
        ErrorKind::environment,
        fmt::format("cannot map BPF array {} ({} bytes): {}; mapping arrays needs Linux 5.5", name,
                    rounded, std::strerror(errno))};
  }
  MapView view;
  view.address_ = address;
  view.bytes_ = rounded;
  return view;
}

MapView::MapView(MapView&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MapView& MapView::operator=(MapView&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MapView::~MapView() {
  if (address_) munmap(address_, bytes_);
}

}  // namespace coroscope
