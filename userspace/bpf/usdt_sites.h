// SPDX-License-Identifier: Apache-2.0
// The USDT probes of a file, as its notes give them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"
#include "wire.h"

namespace coroscope {

// UsdtSite is one place in a file where a probe is passed.
struct UsdtSite {
  std::string probe;
  uint64_t offset = 0;     // in the file, of its nop
  uint64_t semaphore = 0;  // in the file, of its 2 bytes; 0: it has none
  std::string arguments;   // "8@%rdi 8@%rsi"
};

// Those of a provider, in the order of the notes. The file is the target's: an error (target_bad)
// if it is no program of this machine, or has more sites than any runtime, notes or headers beyond
// any measure, or a site that does not lie in it; environment if it can not be read. Format:
// https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation
constexpr size_t most_usdt_sites = 64;
Result<std::vector<UsdtSite>> read_usdt_sites(const std::string& path, std::string_view provider);

// Where the arguments are if each is all of a register: the numbers of its word in struct pt_regs,
// no_word for arguments that there are not. Nothing if one is elsewhere, or narrower.
constexpr uint8_t no_word = 255;
using ArgumentWords = std::array<uint8_t, WIRE_ARGUMENTS>;
std::optional<ArgumentWords> argument_words(std::string_view arguments);

}  // namespace coroscope
