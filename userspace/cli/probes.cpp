// SPDX-License-Identifier: Apache-2.0
#include "cli/probes.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "model/probe_mode.h"

namespace coroscope {
namespace {

// As parks and unparks are multiplied by it, more would be noise.
constexpr uint32_t most_sample = 1'000'000;

Result<uint32_t> parse_sample(const std::string& text) {
  const std::string_view digits = std::string_view(text).starts_with("1/")
                                      ? std::string_view(text).substr(2)
                                      : std::string_view();
  uint32_t sample = 0;
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, sample);
  if (parsed.ec != std::errc() || parsed.ptr != end || sample == 0 || sample > most_sample) {
    return Error{ErrorKind::usage,
                 fmt::format("--sample: '{}' is not 1/N with N from 1 to {}", text, most_sample)};
  }
  return sample;
}

}  // namespace

Result<ProbeWish> parse_probe_wish(const std::string& probes, const std::string& sample,
                                   bool parked_stacks) {
  ProbeWish wish;
  if (!probes.empty()) wish.mode = probe_mode_of(probes);
  auto parsed = parse_sample(sample);
  if (!parsed) return parsed.error();
  wish.sample = *parsed;
  wish.parked_stacks = parked_stacks;
  return wish;
}

}  // namespace coroscope
