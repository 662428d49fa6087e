// SPDX-License-Identifier: Apache-2.0
#include "daemon/openmetrics.h"

#include <algorithm>
#include <charconv>

namespace coroscope::daemon {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// Cuts off what is before `mark`, and that.
std::string_view cut(std::string_view& text, char mark) {
  const size_t end = text.find(mark);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return trimmed(part);
}

// "text/plain;version=0.0.4;q=0.5": of what type, and how much it is wanted.
struct Wish {
  std::string_view type;
  double quality = 1;
};
Wish wish_of(std::string_view text) {
  Wish wish{cut(text, ';')};
  while (!text.empty()) {
    const std::string_view parameter = cut(text, ';');
    if (!parameter.starts_with("q=")) continue;
    const char* end = parameter.data() + parameter.size();
    if (std::from_chars(parameter.data() + 2, end, wish.quality).ec != std::errc())
      wish.quality = 0;
  }
  return wish;
}

// "# TYPE name counter": its second and third word, and what follows.
void add_about(std::string& out, std::string_view line) {
  line.remove_prefix(2);
  const std::string_view what = cut(line, ' ');
  std::string_view name = cut(line, ' ');
  constexpr std::string_view total = "_total";
  if (name.ends_with(total)) name.remove_suffix(total.size());
  out.append("# ").append(what).append(" ").append(name).append(" ").append(line).append("\n");
  if (what != "TYPE") return;
  for (const std::string_view unit : {"seconds", "bytes", "ratio"}) {
    if (!name.ends_with(unit)) continue;
    out.append("# UNIT ").append(name).append(" ").append(unit).append("\n");
  }
}

}  // namespace

bool wants_openmetrics(std::string_view accept) {
  double open = 0, text = 0;
  while (!accept.empty()) {
    const Wish wish = wish_of(cut(accept, ','));
    if (wish.type == "application/openmetrics-text") open = std::max(open, wish.quality);
    if (wish.type == "text/plain") text = std::max(text, wish.quality);
  }
  return open > 0 && open >= text;
}

std::string openmetrics_of(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 1024);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with("# ")) {
      add_about(out, line);
    } else if (!line.empty()) {
      out.append(line).append("\n");
    }
  }
  return out + "# EOF\n";
}

}  // namespace coroscope::daemon
