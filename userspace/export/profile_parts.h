// SPDX-License-Identifier: Apache-2.0
// What profiles that are made of dumps have in common.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "export/profile_writer.h"
#include "model/dump.h"

namespace coroscope {

// The first word of the command line: what it was started as.
std::string program_of(const Dump& dump);

// Each line is a comment.
void add_comments(ProfileWriter& profile, std::string_view lines);

// By key; `record` is any of those that a sample is about.
using ProfileLabels = std::vector<std::pair<std::string, std::string>>;
ProfileLabels profile_labels(const Dump& dump, const DumpRecord& record);

// ProfileStacks are the stacks of one dump as locations of a profile.
class ProfileStacks {
 public:
  explicit ProfileStacks(ProfileWriter& profile) : profile_(profile) {}

  // Where it waits, innermost first. Never empty: pprof leaves out what is nowhere.
  const std::vector<ProfileWriter::LocationId>& of(const Dump& dump, const DumpRecord& record);

 private:
  ProfileWriter& profile_;
  std::map<std::pair<Activity, ParkedStack>, std::vector<ProfileWriter::LocationId>> stacks_;
};

}  // namespace coroscope
