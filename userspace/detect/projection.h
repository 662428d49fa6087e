// SPDX-License-Identifier: Apache-2.0
// What a leak comes to if it goes on as it does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace coroscope {

// Limits is what there still is for coroutines. What is not known is not there.
struct Limits {
  std::optional<uint64_t> memory_left = {};  // bytes
  bool memory_of_cgroup = false;             // else of the host
  std::optional<uint64_t> table_left = {};   // slots of the runtime's table
  std::optional<double> bytes_each = {};     // memory of one coroutine's stack in use, on average
};

struct Projection {
  std::optional<double> bytes_an_hour;  // of stacks
  std::string limit;                    // that is reached first: "memory of the host"; may be empty
  uint64_t reached_in_ns = 0;           // then
};

// Of a net growth. Nothing if that is not positive, or nothing is known.
std::optional<Projection> project(double per_second, const Limits& limits);

// "14.4 MiB of stacks an hour; memory of the host is used up in about 3h10m"
std::string format(const Projection& projection);

}  // namespace coroscope
