// SPDX-License-Identifier: Apache-2.0
#include "export/profile_writer.h"

#include <protozero/pbf_builder.hpp>

#include "export/profile_proto.h"

namespace coroscope {
namespace {

using protozero::pbf_builder;

constexpr uint64_t the_mapping = 1;

}  // namespace

// Others refer to strings, functions and locations by number. Each is written
// when it is asked for the first time, so ask before another message is begun.

ProfileWriter::ProfileWriter() {
  string("");  // has to be the first
}

ProfileWriter::StringId ProfileWriter::string(std::string_view text) {
  const auto [found, is_new] =
      strings_.try_emplace(std::string(text), static_cast<StringId>(strings_.size()));
  if (is_new) {
    pbf_builder<profile::Profile>(message_).add_string(profile::Profile::string_table,
                                                       found->first);
  }
  return found->second;
}

void ProfileWriter::add_sample_type(std::string_view type, std::string_view unit) {
  const StringId type_id = string(type);
  const StringId unit_id = string(unit);
  pbf_builder<profile::Profile> message(message_);
  pbf_builder<profile::ValueType> value(message, profile::Profile::sample_type);
  value.add_int64(profile::ValueType::type, type_id);
  value.add_int64(profile::ValueType::unit, unit_id);
}

void ProfileWriter::set_default_sample_type(std::string_view type) {
  const StringId id = string(type);
  pbf_builder<profile::Profile>(message_).add_int64(profile::Profile::default_sample_type, id);
}

void ProfileWriter::set_time(uint64_t ns) {
  pbf_builder<profile::Profile>(message_).add_int64(profile::Profile::time_nanos,
                                                    static_cast<int64_t>(ns));
}

void ProfileWriter::set_duration(uint64_t ns) {
  pbf_builder<profile::Profile>(message_).add_int64(profile::Profile::duration_nanos,
                                                    static_cast<int64_t>(ns));
}

void ProfileWriter::add_comment(std::string_view text) {
  const StringId id = string(text);
  pbf_builder<profile::Profile>(message_).add_int64(profile::Profile::comment, id);
}

void ProfileWriter::set_program(std::string_view path) {
  const StringId file = string(path);
  pbf_builder<profile::Profile> message(message_);
  pbf_builder<profile::Mapping> mapping(message, profile::Profile::mapping);
  mapping.add_uint64(profile::Mapping::id, the_mapping);
  mapping.add_int64(profile::Mapping::filename, file);
  // So that pprof does not look for names itself.
  for (const auto has : {profile::Mapping::has_functions, profile::Mapping::has_filenames,
                         profile::Mapping::has_line_numbers, profile::Mapping::has_inline_frames}) {
    mapping.add_bool(has, true);
  }
}

ProfileWriter::FunctionId ProfileWriter::function(const ReportedFrame& frame) {
  const StringId name = string(frame.function);
  const StringId file = string(frame.file);
  const auto [found, is_new] = functions_.try_emplace({name, file}, functions_.size() + 1);
  if (is_new) {
    pbf_builder<profile::Profile> message(message_);
    pbf_builder<profile::Function> function(message, profile::Profile::function);
    function.add_uint64(profile::Function::id, found->second);
    function.add_int64(profile::Function::name, name);
    function.add_int64(profile::Function::filename, file);
  }
  return found->second;
}

ProfileWriter::LocationId ProfileWriter::location(std::span<const ReportedFrame* const> frames) {
  // That of a co_await is no address of code.
  const bool is_code = !frames.empty() && !frames.front()->await;
  std::vector<uint64_t> key{is_code ? frames.front()->address : 0};
  for (const ReportedFrame* frame : frames) {
    key.push_back(function(*frame));
    key.push_back(frame->line);
  }
  const auto [found, is_new] = locations_.try_emplace(std::move(key), locations_.size() + 1);
  if (!is_new) return found->second;
  pbf_builder<profile::Profile> message(message_);
  pbf_builder<profile::Location> location(message, profile::Profile::location);
  location.add_uint64(profile::Location::id, found->second);
  location.add_uint64(profile::Location::mapping_id, the_mapping);
  location.add_uint64(profile::Location::address, found->first.front());
  for (size_t i = 1; i < found->first.size(); i += 2) {
    pbf_builder<profile::Line> line(location, profile::Location::line);
    line.add_uint64(profile::Line::function_id, found->first[i]);
    line.add_int64(profile::Line::line, static_cast<int64_t>(found->first[i + 1]));
  }
  return found->second;
}

ProfileWriter::LocationId ProfileWriter::location(const std::string& name) {
  ReportedFrame frame;
  frame.function = name;
  const ReportedFrame* const frames[] = {&frame};
  return location(frames);
}

void ProfileWriter::add_sample(std::span<const LocationId> stack, std::span<const int64_t> values,
                               std::span<const Label> labels) {
  std::vector<std::pair<StringId, StringId>> ids;  // key and text
  for (const Label& label : labels) ids.emplace_back(string(label.key), string(label.text));
  pbf_builder<profile::Profile> message(message_);
  pbf_builder<profile::Sample> sample(message, profile::Profile::sample);
  sample.add_packed_uint64(profile::Sample::location_id, stack.begin(), stack.end());
  sample.add_packed_int64(profile::Sample::value, values.begin(), values.end());
  for (size_t i = 0; i < labels.size(); ++i) {
    pbf_builder<profile::Label> label(sample, profile::Sample::label);
    label.add_int64(profile::Label::key, ids[i].first);
    if (labels[i].number != 0) {
      label.add_int64(profile::Label::num, labels[i].number);
    } else {
      label.add_int64(profile::Label::str, ids[i].second);
    }
  }
}

std::string ProfileWriter::take() {
  std::string out = gzip_.add(message_);
  message_.clear();
  return out;
}

std::string ProfileWriter::finish() {
  std::string out = take();
  return out + gzip_.finish();
}

}  // namespace coroscope
