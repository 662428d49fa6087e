// SPDX-License-Identifier: Apache-2.0
#include "util/duration.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <limits>
#include <optional>

namespace coroscope {
namespace {

using std::chrono::nanoseconds;

struct Unit {
  std::string_view name;
  uint64_t nanoseconds;
};

// Falling, as the parts of a duration have to be.
constexpr std::array units{
    Unit{"h", 3'600'000'000'000}, Unit{"m", 60'000'000'000}, Unit{"s", 1'000'000'000},
    Unit{"ms", 1'000'000},        Unit{"us", 1'000},         Unit{"ns", 1},
};

constexpr uint64_t max_nanoseconds = std::numeric_limits<int64_t>::max();

Error bad(std::string_view text, std::string_view why) {
  constexpr size_t shown = 40;
  return {ErrorKind::usage,
          fmt::format("duration \"{}{}\" {}; give a number with a unit (ns, us, ms, s, m, h), "
                      "for example 30s, 500ms or 1m30s",
                      text.substr(0, shown), text.size() > shown ? "..." : "", why)};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A decimal number in exact arithmetic: digits before and after the point.
struct Number {
  uint64_t whole = 0;
  uint64_t fraction = 0;        // in units of 1 / fraction_scale
  uint64_t fraction_scale = 1;  // a power of ten, at most 10^9
};

enum class Scan { number, none, too_large };

Scan scan_number(std::string_view* rest, Number* number) {
  size_t at = 0;
  size_t digits = 0;
  for (; at < rest->size() && is_digit((*rest)[at]); at++, digits++) {
    if (number->whole > (std::numeric_limits<uint64_t>::max() - 9) / 10) return Scan::too_large;
    number->whole = number->whole * 10 + static_cast<uint64_t>((*rest)[at] - '0');
  }
  if (at < rest->size() && (*rest)[at] == '.') {
    for (at++; at < rest->size() && is_digit((*rest)[at]); at++, digits++) {
      if (number->fraction_scale == 1'000'000'000) continue;  // too small to matter
      number->fraction = number->fraction * 10 + static_cast<uint64_t>((*rest)[at] - '0');
      number->fraction_scale *= 10;
    }
  }
  rest->remove_prefix(at);
  return digits == 0 ? Scan::none : Scan::number;
}

// Index into `units` of the unit that `rest` begins with: the longest match.
std::optional<size_t> scan_unit(std::string_view* rest) {
  std::optional<size_t> best;
  for (size_t i = 0; i < units.size(); i++) {
    if (!rest->starts_with(units[i].name)) continue;
    if (!best || units[i].name.size() > units[*best].name.size()) best = i;
  }
  if (best) rest->remove_prefix(units[*best].name.size());
  return best;
}

std::optional<uint64_t> in_nanoseconds(const Number& number, uint64_t unit) {
  uint64_t whole = 0;
  if (__builtin_mul_overflow(number.whole, unit, &whole)) return std::nullopt;
  // fraction < 10^9 and unit < 2^42: no overflow in 128 bits.
  __extension__ using Wide = unsigned __int128;
  const auto part = static_cast<uint64_t>(Wide{number.fraction} * unit / number.fraction_scale);
  uint64_t sum = 0;
  if (__builtin_add_overflow(whole, part, &sum) || sum > max_nanoseconds) return std::nullopt;
  return sum;
}

}  // namespace

Result<nanoseconds> parse_duration(std::string_view text) {
  if (text.empty()) return bad(text, "is empty");
  if (text.front() == '-') return bad(text, "is negative");
  std::string_view rest = text;
  uint64_t total = 0;
  size_t next_unit = 0;
  while (!rest.empty()) {
    Number number;
    const Scan scan = scan_number(&rest, &number);
    if (scan == Scan::too_large) return bad(text, "is too long (the limit is 292 years)");
    if (scan == Scan::none) return bad(text, "is not a duration");
    if (rest.empty()) return bad(text, "has no unit");
    const std::optional<size_t> unit = scan_unit(&rest);
    if (!unit) return bad(text, "has an unknown unit");
    if (*unit < next_unit) return bad(text, "names its units twice or in the wrong order");
    next_unit = *unit + 1;
    const std::optional<uint64_t> part = in_nanoseconds(number, units[*unit].nanoseconds);
    if (!part || __builtin_add_overflow(total, *part, &total) || total > max_nanoseconds) {
      return bad(text, "is too long (the limit is 292 years)");
    }
  }
  if (total == 0) return bad(text, "is zero");
  return nanoseconds{static_cast<int64_t>(total)};
}

std::string format_duration(nanoseconds duration) {
  const int64_t count = duration.count();
  const char* sign = count < 0 ? "-" : "";
  // Not -count: the smallest value has no positive counterpart.
  const uint64_t ns = count < 0 ? uint64_t{0} - static_cast<uint64_t>(count) : uint64_t(count);
  const auto decimal = [&](uint64_t unit, const char* name) {
    return fmt::format("{}{}.{} {}", sign, ns / unit, ns % unit / (unit / 10), name);
  };
  if (ns < 1'000) return fmt::format("{}{} ns", sign, ns);
  if (ns < 1'000'000) return decimal(1'000, "us");
  if (ns < 1'000'000'000) return decimal(1'000'000, "ms");
  const uint64_t seconds = ns / 1'000'000'000;
  if (seconds < 60) return decimal(1'000'000'000, "s");
  if (seconds < 3600) return fmt::format("{}{}m{:02}s", sign, seconds / 60, seconds % 60);
  return fmt::format("{}{}h{:02}m", sign, seconds / 3600, seconds % 3600 / 60);
}

std::string format_ns(uint64_t duration) {
  return format_duration(std::chrono::nanoseconds(static_cast<int64_t>(duration)));
}

}  // namespace coroscope
