// SPDX-License-Identifier: Apache-2.0
// A profile as pprof reads it, written while it is made: fields of a message may
// come in any order, so only what others refer to is kept.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "export/gzip.h"
#include "model/reported.h"

namespace coroscope {

class ProfileWriter {
 public:
  using LocationId = uint64_t;

  struct Label {
    std::string_view key;
    std::string_view text;
    int64_t number = 0;  // if there is no text; never 0
  };

  ProfileWriter();

  void add_sample_type(std::string_view type, std::string_view unit);
  void set_default_sample_type(std::string_view type);
  void set_time(uint64_t ns);  // since 1970
  void set_duration(uint64_t ns);
  void add_comment(std::string_view text);
  // What all locations are said to be of.
  void set_program(std::string_view path);

  // One place of code, with what is inlined there: innermost first.
  LocationId location(std::span<const ReportedFrame* const> frames);
  // One that is only a name.
  LocationId location(const std::string& name);
  // Innermost first; a value for each sample type.
  void add_sample(std::span<const LocationId> stack, std::span<const int64_t> values,
                  std::span<const Label> labels);

  // What is to be written now; may be empty.
  std::string take();
  std::string finish();

 private:
  using StringId = int64_t;
  using FunctionId = uint64_t;

  StringId string(std::string_view text);
  FunctionId function(const ReportedFrame& frame);

  std::string message_;  // not yet compressed
  Gzip gzip_;
  std::unordered_map<std::string, StringId> strings_;
  std::map<std::pair<StringId, StringId>, FunctionId> functions_;  // by name and file
  // By address, and function and line of each frame.
  std::map<std::vector<uint64_t>, LocationId> locations_;
};

}  // namespace coroscope
