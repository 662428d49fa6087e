// SPDX-License-Identifier: Apache-2.0
#include "cli/history_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "history/json.h"
#include "history/when.h"
#include "util/text.h"

namespace coroscope {
namespace {

using history::format_when;
using history::Instance;
using history::Moment;
using history::Place;
using history::Time;
using history::Window;

constexpr size_t most_places = 20;
constexpr size_t most_verdicts = 20;

// Enough to tell builds apart.
std::string short_build(const std::string& id) {
  return id.empty() ? "without build id" : "build " + id.substr(0, 12);
}

// What a target chose may be in it.
std::string place_name(const std::string& id, const std::string& top) {
  if (id == history::other_stacks) return "(all other places)";
  return fmt::format("{}  (stack {})", top.empty() ? "(not known)" : printable(top), id);
}

std::string span(Time from, Time to) {
  return fmt::format("{} to {}", format_when(from), format_when(to));
}

std::string heading(const history::Service& service) {
  return fmt::format("{} (id {}, user {})", printable(service.name), service.id,
                     printable(service.user));
}

// Counts of one process in a window: first, last and most.
struct Course {
  int64_t first = 0;
  int64_t last = 0;
  int64_t peak = 0;
  double completeness = 1;
  bool known = false;
};

std::map<int64_t, Course> courses_of(const Window& window) {
  std::map<int64_t, Course> courses;
  for (const history::Sample& sample : window.samples) {
    Course& course = courses[sample.instance];
    if (!course.known) course.first = sample.live;
    course.known = true;
    course.last = sample.live;
    course.peak = std::max(course.peak, sample.peak);
    course.completeness = std::min(course.completeness, sample.completeness);
  }
  return courses;
}

std::string processes_text(const Window& window) {
  std::string text = "\nprocesses\n";
  if (window.instances_cut) text += "  ... (earlier ones are left out, here and below)\n";
  const auto courses = courses_of(window);
  for (const Instance& one : window.instances) {
    text += fmt::format("  {:<8} {:<18}  {}{}", one.pid, short_build(one.build_id),
                        span(one.from, one.to), one.ended ? "" : ", runs");
    const auto course = courses.find(one.number);
    if (course != courses.end()) {
      text += fmt::format("  live {} to {}, at most {}", course->second.first, course->second.last,
                          course->second.peak);
      if (course->second.completeness < 1) {
        text += fmt::format(", completeness down to {:.1f}%", course->second.completeness * 100);
      }
    }
    text += '\n';
  }
  return text;
}

std::string gaps_text(const std::vector<history::Gap>& gaps) {
  if (gaps.empty()) return "";
  std::string text = "\nnothing is known of\n";
  for (const history::Gap& gap : gaps) {
    text += fmt::format("  {}: {}\n", span(gap.from, gap.to), printable(gap.why));
  }
  return text;
}

std::string growth_text(const Place& place) {
  const history::Trend& trend = place.trend;
  std::string text =
      fmt::format("  {:+9.2f}/s {:>9} live  {}\n", trend.per_second, place.points.back().live,
                  place_name(place.id, history::top_of(place.frames)));
  text += fmt::format("              since {}, with {}", format_when(trend.since),
                      short_build(trend.build_id));
  if (trend.processes > 1) text += fmt::format(", in {} processes", trend.processes);
  if (!trend.grew_not_in.empty()) {
    text += fmt::format("; it did not with {} before", short_build(trend.grew_not_in));
  }
  return text + '\n';
}

std::string places_text(const Window& window) {
  std::string growing, others;
  size_t shown = 0, left_out = 0;
  for (const Place& place : window.places) {
    if (place.trend.grows) {
      growing += growth_text(place);
    } else if (shown < most_places) {
      ++shown;
      others += fmt::format("  {:>9} live  {}\n", place.points.back().live,
                            place_name(place.id, history::top_of(place.frames)));
    } else {
      ++left_out;
    }
  }
  std::string text;
  text += growing.empty() ? "\nnothing grows that could be told\n" : "\ngrows\n" + growing;
  if (!others.empty()) text += "\ndoes not grow, or not for long enough to tell\n" + others;
  if (left_out > 0) text += fmt::format("  and {}\n", counted(left_out, "place", "places"));
  return text;
}

std::string verdicts_text(const Window& window) {
  std::vector<std::string> lines;
  for (const history::Event& event : window.events) {
    if (!event.kind.starts_with("verdict_")) continue;
    const auto json = nlohmann::json::parse(event.line, nullptr, false);
    if (!json.is_object()) continue;
    const auto text = [&json](const char* key) {
      const auto found = json.find(key);
      return found != json.end() && found->is_string() ? printable(found->get<std::string>()) : "";
    };
    const std::string cause = text("cause");
    lines.push_back(fmt::format("  {}  {:<7}  {}, {}{}{}  (fault {})\n", format_when(event.time),
                                event.kind.substr(8), text("verdict"), text("reason"),
                                cause.empty() ? "" : ", ", cause, text("fault")));
  }
  if (lines.empty()) return "";
  const size_t first = lines.size() > most_verdicts ? lines.size() - most_verdicts : 0;
  std::string all = "\nverdicts\n";
  if (first > 0 || window.events_cut) all += "  ...\n";
  for (size_t i = first; i < lines.size(); ++i) all += lines[i];
  return all;
}

std::map<std::string, int64_t> by_place(const Moment& moment) {
  std::map<std::string, int64_t> counts;
  for (const Moment::Process& process : moment.processes) {
    for (const history::StackCount& stack : process.sample.stacks) counts[stack.id] += stack.live;
  }
  return counts;
}

int64_t live_of(const Moment& moment) {
  int64_t live = 0;
  for (const Moment::Process& process : moment.processes) live += process.sample.live;
  return live;
}

std::string moment_line(const Moment& moment) {
  if (moment.processes.empty()) {
    return fmt::format("{}: nothing is known of then\n", format_when(moment.time));
  }
  std::string text = fmt::format("{}: {} live in {}\n", format_when(moment.time), live_of(moment),
                                 counted(moment.processes.size(), "process", "processes"));
  for (const Moment::Process& process : moment.processes) {
    text += fmt::format("  {} {}, as of {}\n", process.instance.pid,
                        short_build(process.instance.build_id), format_when(process.sample.time));
  }
  return text;
}

std::string frames_of(const Moment& moment, const std::string& id) {
  const auto found = moment.frames.find(id);
  return found == moment.frames.end() ? "" : found->second;
}

}  // namespace

std::string services_text(const std::vector<history::KnownService>& services) {
  if (services.empty()) return "the history has no service yet\n";
  size_t width = 7;
  for (const auto& one : services) width = std::max(width, one.service.name.size());
  std::string text =
      fmt::format("{:<{}}  {:<12}  {:<10}  {:>9}  {:>9}  {:>6}  {:<19}  {}\n", "SERVICE", width,
                  "ID", "USER", "LIVE", "PROCESSES", "BUILDS", "SINCE", "UNTIL");
  for (const auto& one : services) {
    text += fmt::format("{:<{}}  {:<12}  {:<10}  {:>9}  {:>9}  {:>6}  {:<19}  {}\n",
                        printable(one.service.name), width, one.service.id,
                        printable(one.service.user), one.live, one.instances, one.builds,
                        format_when(one.from), one.running > 0 ? "runs" : format_when(one.to));
  }
  return text;
}

std::string window_text(const Window& window) {
  std::string text = fmt::format("{}, {}\n", heading(window.service), span(window.from, window.to));
  if (window.instances.empty()) {
    return text + "\nno process of it was seen in this time\n" + gaps_text(window.gaps);
  }
  return text + processes_text(window) + gaps_text(window.gaps) + places_text(window) +
         verdicts_text(window);
}

std::string moment_text(const Moment& moment) {
  std::string text = heading(moment.service) + " at " + moment_line(moment);
  text += gaps_text(moment.gaps);
  std::vector<std::pair<int64_t, std::string>> counts;
  for (const auto& [id, live] : by_place(moment)) counts.emplace_back(live, id);
  std::sort(counts.rbegin(), counts.rend());
  if (!counts.empty()) text += '\n';
  for (const auto& [live, id] : counts) {
    text +=
        fmt::format("  {:>9}  {}\n", live, place_name(id, history::top_of(frames_of(moment, id))));
  }
  return text;
}

std::string change_text(const Moment& before, const Moment& after) {
  std::string text = heading(before.service) + "\nbefore  " + moment_line(before) + "after   " +
                     moment_line(after) + gaps_text(before.gaps) + gaps_text(after.gaps);
  struct Change {
    int64_t before = 0;
    int64_t after = 0;
  };
  std::map<std::string, Change> changes;
  for (const auto& [id, live] : by_place(before)) changes[id].before = live;
  for (const auto& [id, live] : by_place(after)) changes[id].after = live;
  std::vector<std::pair<std::string, Change>> sorted(changes.begin(), changes.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::abs(a.second.after - a.second.before) > std::abs(b.second.after - b.second.before);
  });
  text += fmt::format("\n  {:>9}  {:>9}  {:>9}\n", "BEFORE", "AFTER", "CHANGE");
  for (const auto& [id, change] : sorted) {
    const std::string frames =
        frames_of(after, id).empty() ? frames_of(before, id) : frames_of(after, id);
    text += fmt::format("  {:>9}  {:>9}  {:>+9}  {}\n", change.before, change.after,
                        change.after - change.before, place_name(id, history::top_of(frames)));
  }
  return text;
}

}  // namespace coroscope
