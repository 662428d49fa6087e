// SPDX-License-Identifier: Apache-2.0
// Finding and checking what the bundled runtime publishes; the contract is
// runtime/include/coro/abi.h. Everything read here is untrusted.
#pragma once

#include <coro/abi.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proc/memory.h"
#include "proc/modules.h"
#include "proc/process.h"
#include "util/result.h"

namespace coroscope::coro {

// Bounds on what a descriptor may claim. A target beyond them is not read as
// a whole; what is left out is counted.
inline constexpr uint32_t max_slots = 8u << 20;      // headers that one census looks at
inline constexpr uint32_t max_directory = 1u << 20;  // slabs or chunks
inline constexpr uint32_t max_header_size = 4096;
// A worker's figures may be the beginning of something larger.
inline constexpr uint32_t max_worker_stride = 65536;
inline constexpr uint32_t max_depth = 256;       // frames of a spawn stack
inline constexpr uint32_t max_chunk = 1u << 20;  // spawn stacks in a chunk of the depot
// Spawn stacks told apart: as many as the bundled runtime's depot holds. Each
// costs kernel memory, which the target must not decide on; coroutines of a
// stack beyond are counted without it.
inline constexpr uint32_t max_stacks = 1u << 16;
inline constexpr uint32_t max_schedulers = 1u << 16;  // slots for them

// What version 1.0 of the contract has: a descriptor without what came later,
// and objects without their holder.
inline constexpr uint32_t first_descriptor_size = offsetof(coro_descriptor, schedulers);
inline constexpr uint32_t first_object_size = offsetof(coro_object, holder);

// DescriptorPlace is where a module's note says that a descriptor is.
struct DescriptorPlace {
  uint64_t address = 0;
  uint32_t major = 0;  // as the note has it
  uint32_t minor = 0;
  std::string probe_path;  // of the module
};

std::vector<DescriptorPlace> find_descriptors(const Memory& memory,
                                              const std::vector<Module>& modules);

// The descriptor's bytes, unchecked. What the target's version does not have is
// 0; false if the rest can not be read.
bool copy_descriptor(const Memory& memory, uint64_t address, coro_descriptor* descriptor);

// Reads the descriptor and checks it: version, magic, and every size that
// later arithmetic relies on. Errors: target_bad, target_gone.
Result<coro_descriptor> read_descriptor(const Process& process, const Memory& memory,
                                        const DescriptorPlace& place);

// Whether `later` is `opened` as it may have become: only what the contract
// lets change while the target runs is different.
bool is_same_descriptor(const coro_descriptor& opened, coro_descriptor later);

}  // namespace coroscope::coro
