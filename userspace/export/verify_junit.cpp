// SPDX-License-Identifier: Apache-2.0
// There is no standard, only what JUnit's Ant task wrote and all CI reads: of that, the
// part that they agree about. Small and flat enough to be written without a library.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "export/text_parts.h"
#include "export/verify.h"
#include "util/text.h"

namespace coroscope {
namespace {

// Text and values of attributes alike. XML 1.0 has no way to write control characters and
// U+FFFE and U+FFFF; line feeds are ours.
std::string escape(const std::string& text) {
  std::string safe;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    safe += printable(text.substr(begin, end - begin));
    if (end < text.size()) safe += '\n';
    begin = end + 1;
  }
  std::string escaped;
  for (size_t i = 0; i < safe.size(); ++i) {
    const char c = safe[i];
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else if (c == '\n') {
      escaped += "&#10;";
    } else if (safe.compare(i, 3, "\xef\xbf\xbe") == 0 || safe.compare(i, 3, "\xef\xbf\xbf") == 0) {
      escaped += '?';
      i += 2;
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string top_of(const ReportedStack& stack) {
  const ReportedFrame* top = top_frame(stack);
  return top == nullptr ? "an unknown place" : top->function;
}

struct Case {
  std::string name;
  std::string message;  // empty: it passed
  std::string details;
};

Case group_case(const LeftProcess& process, const LeftGroup& group) {
  std::string details;
  const Out out(details);
  add_names(out, group.named);
  add_cases(out, group.example.select_cases);
  add_stack(out, "parked at", group.parked_at.frames, "(not known)");
  add_stack(out, "spawned at", group.spawned_at.frames, "(not known)");
  fmt::format_to(out, "  {:<12}coroutine {} of {}  {}\n", "for example", group.example_id,
                 pid_text(process.pid, process.inner_pid),
                 shorten(process.command, longest_command));
  return {fmt::format("{} at {}, spawned at {}", group.wait, top_of(group.parked_at.frames),
                      top_of(group.spawned_at.frames)),
          left_headline(group), details};
}

std::vector<Case> cases_of(const VerifyReport& report) {
  std::vector<Case> cases;
  for (const LeftProcess& process : report.processes) {
    for (const LeftGroup& group : process.groups) cases.push_back(group_case(process, group));
  }
  for (const std::string& why : report.unread) cases.push_back({"a process is not read", why, ""});
  if (cases.empty()) cases.push_back({"no coroutine is left", "", ""});
  const std::string end =
      report.command_end.empty() ? "" : "the command failed by itself: " + report.command_end;
  cases.push_back({shorten(report.command, longest_command), end, ""});
  return cases;
}

}  // namespace

std::string verify_junit(const VerifyReport& report) {
  const std::vector<Case> cases = cases_of(report);
  size_t failures = 0;
  for (const Case& one : cases) failures += !one.message.empty();
  const std::string counts = fmt::format("tests=\"{}\" failures=\"{}\"", cases.size(), failures);
  std::string xml = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {0}>\n"
      "  <testsuite name=\"coroscope verify\" {0} errors=\"0\" skipped=\"0\">\n",
      counts);
  for (const Case& one : cases) {
    xml +=
        fmt::format("    <testcase classname=\"coroscope.verify\" name=\"{}\"", escape(one.name));
    if (one.message.empty()) {
      xml += "/>\n";
    } else {
      xml += fmt::format(">\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
                         escape(one.message), escape(one.details));
    }
  }
  return xml + "  </testsuite>\n</testsuites>\n";
}

}  // namespace coroscope
