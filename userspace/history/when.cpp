// SPDX-License-Identifier: Apache-2.0
#include "history/when.h"

#include <fmt/format.h>
#include <time.h>

#include <charconv>

#include "util/duration.h"
#include "util/text.h"

namespace coroscope::history {
namespace {

constexpr Time day = 86400;

// All of `text` in the form of strptime(3); fields that it does not have stay.
bool reads(const std::string& text, const char* form, tm* fields) {
  tm read = *fields;
  const char* end = ::strptime(text.c_str(), form, &read);
  if (end == nullptr || *end != '\0') return false;
  *fields = read;
  return true;
}

Time time_of(tm fields, bool utc) {
  fields.tm_isdst = -1;
  return utc ? ::timegm(&fields) : ::mktime(&fields);
}

bool read_number(std::string_view text, Time* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() && *number >= 0 &&
         *number <= 253402300799;  // the end of the year 9999
}

}  // namespace

Result<Time> parse_when(const std::string& text, Time now) {
  if (text == "now") return now;
  Time number = 0;
  if (text.starts_with('@') && read_number(std::string_view(text).substr(1), &number)) {
    return number;
  }
  if (text.ends_with('d') && read_number(std::string_view(text.data(), text.size() - 1), &number)) {
    return std::max<Time>(0, now - std::min<Time>(number, now / day) * day);
  }
  if (const auto ago = parse_duration(text)) {
    return now - std::chrono::duration_cast<std::chrono::seconds>(*ago).count();
  }
  const bool utc = text.ends_with('Z');
  const std::string local = utc ? text.substr(0, text.size() - 1) : text;
  tm fields{};
  for (const char* form :
       {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    if (reads(local, form, &fields)) return time_of(fields, utc);
  }
  const time_t now_seconds = now;
  utc ? ::gmtime_r(&now_seconds, &fields) : ::localtime_r(&now_seconds, &fields);
  fields.tm_sec = 0;
  if (reads(local, "%H:%M", &fields) || reads(local, "%H:%M:%S", &fields)) {
    const Time today = time_of(fields, utc);
    if (today <= now) return today;
    --fields.tm_mday;
    return time_of(fields, utc);
  }
  return Error{ErrorKind::usage,
               fmt::format("'{}' is no time: write it as 03:00, \"2026-11-21 03:00\", 2h or 3d "
                           "(ago), or now",
                           shorten(printable(text), 80))};
}

std::string format_when(Time time) {
  const time_t seconds = time;
  tm fields{};
  ::localtime_r(&seconds, &fields);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", fields.tm_year + 1900,
                     fields.tm_mon + 1, fields.tm_mday, fields.tm_hour, fields.tm_min,
                     fields.tm_sec);
}

}  // namespace coroscope::history
