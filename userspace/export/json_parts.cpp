// SPDX-License-Identifier: Apache-2.0
#include "export/json_parts.h"

#include <fmt/format.h>

namespace coroscope {

std::string line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json census_losses_json(const CensusLosses& losses) {
  return {{"torn", losses.torn},
          {"unsettled", losses.unsettled},
          {"unreadable", losses.unreadable},
          {"malformed", losses.malformed},
          {"over_limit", losses.over_limit}};
}

Json stack_json(const ReportedStack& stack) {
  Json frames = Json::array();
  for (const ReportedFrame& frame : stack) {
    Json json = {{"function", frame.function}};
    if (!frame.file.empty()) json["file"] = frame.file;
    if (frame.line != 0) json["line"] = frame.line;
    json["address"] = fmt::format("{:#x}", frame.address);
    if (frame.inlined) json["inlined"] = true;
    if (frame.runtime) json["runtime"] = true;
    if (frame.library) json["library"] = true;
    if (frame.await) json["await"] = true;
    frames.push_back(std::move(json));
  }
  return frames;
}

Json names_json(const ReportedNames& named) {
  Json json = {{"asked", named.asked}, {"names", Json::array()}, {"labels", Json::array()}};
  for (const ReportedNames::Name& name : named.names) {
    json["names"].push_back({{"name", name.name}, {"members", name.members}});
  }
  for (const ReportedNames::Label& label : named.labels) {
    json["labels"].push_back(
        {{"key", label.key}, {"value", label.value}, {"members", label.members}});
  }
  return json;
}

}  // namespace coroscope
