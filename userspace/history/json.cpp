// SPDX-License-Identifier: Apache-2.0
#include "history/json.h"

#include <fmt/format.h>

#include <algorithm>

#include "export/json_parts.h"

namespace coroscope::history {
namespace {

// What was written by somebody else may be anything.
Json parsed(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json() : json;
}

void add_service(Json& json, const Service& service) {
  json["service_id"] = service.id;
  json["service"] = service.name;
  json["user"] = service.user;
  json["cgroup"] = service.cgroup;
}

Json instance_json(const Instance& one) {
  return {{"instance", one.number}, {"pid", one.pid},   {"build_id", one.build_id},
          {"command", one.command}, {"from", one.from}, {"to", one.to},
          {"ended", one.ended}};
}

Json gaps_json(const std::vector<Gap>& gaps) {
  Json all = Json::array();
  for (const Gap& gap : gaps) all.push_back({{"from", gap.from}, {"to", gap.to}, {"why", gap.why}});
  return all;
}

Json sample_json(const Sample& sample) {
  return {{"time", sample.time},
          {"instance", sample.instance},
          {"live", sample.live},
          {"peak", sample.peak},
          {"spawned", sample.spawned},
          {"exited", sample.exited},
          {"completeness", sample.completeness}};
}

void add_trend(Json& json, const Trend& trend) {
  json["growth_per_second"] = trend.per_second;
  json["grows_since"] = trend.grows ? Json(trend.since) : Json();
  json["build_id"] = trend.build_id;
  if (!trend.grew_not_in.empty()) json["grew_not_in_build"] = trend.grew_not_in;
}

Json place_json(const Place& place) {
  Json json = {{"stack", place.id}, {"top", top_of(place.frames)}};
  add_trend(json, place.trend);
  Json points = Json::array();
  for (const Point& point : place.points) points.push_back({point.time, point.live});
  json["points"] = std::move(points);
  return json;
}

// What all processes had, by where it was born.
Json stacks_json(const Moment& moment) {
  std::map<std::string, int64_t> live;
  for (const Moment::Process& process : moment.processes) {
    for (const StackCount& stack : process.sample.stacks) live[stack.id] += stack.live;
  }
  Json stacks = Json::array();
  for (const auto& [id, count] : live) {
    Json one = {{"stack", id}, {"live", count}};
    const auto frames = moment.frames.find(id);
    one["frames"] = frames == moment.frames.end() ? Json::array() : parsed(frames->second);
    stacks.push_back(std::move(one));
  }
  return stacks;
}

}  // namespace

std::string services_json(const std::vector<KnownService>& services) {
  Json all = Json::array();
  for (const KnownService& one : services) {
    Json json;
    add_service(json, one.service);
    json["from"] = one.from;
    json["to"] = one.to;
    json["live"] = one.live;
    json["running"] = one.running;
    json["instances"] = one.instances;
    json["builds"] = one.builds;
    all.push_back(std::move(json));
  }
  return line({{"services", std::move(all)}});
}

std::string window_json(const Window& window) {
  Json json;
  add_service(json, window.service);
  json["from"] = window.from;
  json["to"] = window.to;
  json["step"] = window.step;
  add_trend(json, window.trend);
  json["gaps"] = gaps_json(window.gaps);
  Json instances = Json::array(), samples = Json::array(), stacks = Json::array(),
       events = Json::array();
  for (const Instance& one : window.instances) instances.push_back(instance_json(one));
  for (const Sample& sample : window.samples) samples.push_back(sample_json(sample));
  for (const Place& place : window.places) stacks.push_back(place_json(place));
  for (const Event& event : window.events) events.push_back(parsed(event.line));
  json["instances"] = std::move(instances);
  json["instances_cut"] = window.instances_cut;
  json["samples"] = std::move(samples);
  json["stacks"] = std::move(stacks);
  json["events"] = std::move(events);
  json["events_cut"] = window.events_cut;
  return line(json);
}

std::string moment_json(const Moment& moment) {
  Json json;
  add_service(json, moment.service);
  json["asked"] = moment.time;
  Time time = 0;
  int64_t live = 0;
  Json processes = Json::array();
  for (const Moment::Process& process : moment.processes) {
    time = std::max(time, process.sample.time);
    live += process.sample.live;
    Json one = instance_json(process.instance);
    one["sample"] = sample_json(process.sample);
    processes.push_back(std::move(one));
  }
  json["time"] = time;
  json["live"] = live;
  if (!moment.processes.empty()) {
    const Instance& latest = moment.processes.back().instance;
    json["instance"] = latest.number;
    json["pid"] = latest.pid;
    json["build_id"] = latest.build_id;
  }
  json["processes"] = std::move(processes);
  json["gaps"] = gaps_json(moment.gaps);
  json["stacks"] = stacks_json(moment);
  return line(json);
}

std::string top_of(const std::string& frames) {
  const Json all = parsed(frames);
  if (!all.is_array() || all.empty()) return "";
  const auto own = [](const Json& frame) {
    return frame.is_object() && !frame.value("runtime", false) && !frame.value("library", false);
  };
  auto found = std::find_if(all.begin(), all.end(), own);
  if (found == all.end()) found = all.begin();
  if (!found->is_object()) return "";
  const std::string function = found->value("function", "");
  const std::string file = found->value("file", "");
  if (file.empty()) return function;
  return fmt::format("{} {}:{}", function, file.substr(file.rfind('/') + 1),
                     found->value("line", 0));
}

}  // namespace coroscope::history
