// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace coroscope {

// ProbeMode is what of a target's probes is observed.
enum class ProbeMode : uint8_t {
  census,   // none
  births,   // spawn and exit
  full,     // all four, in batches
  classic,  // all four, one by one
};
// Whether the events tell who waits.
inline bool tells_parks(ProbeMode mode) {
  return mode == ProbeMode::full || mode == ProbeMode::classic;
}

inline constexpr std::array<std::string_view, 4> probe_mode_names = {"census", "births", "full",
                                                                     "classic"};
inline std::string_view name_of(ProbeMode mode) {
  return probe_mode_names[static_cast<size_t>(mode)];
}
inline std::optional<ProbeMode> probe_mode_of(std::string_view name) {
  for (size_t i = 0; i < probe_mode_names.size(); ++i) {
    if (probe_mode_names[i] == name) return static_cast<ProbeMode>(i);
  }
  return std::nullopt;
}

}  // namespace coroscope
