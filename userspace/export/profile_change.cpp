// SPDX-License-Identifier: Apache-2.0
#include "export/profile_change.h"

#include <array>

#include "export/dump.h"

namespace coroscope {

ProfileChange::ProfileChange(const DumpPage& before) : began_unix_ns_(before.dump.taken_unix_ns) {
  profile_.add_sample_type("coroutines", "count");
  profile_.set_program(program_of(before.dump));
  profile_.set_time(began_unix_ns_);
  add_comments(profile_, "what changed between two dumps, the first:\n" + dump_begin_text(before) +
                             dump_end_text(before, 0));
  count(before, -1);
}

void ProfileChange::count(const DumpPage& page, int64_t sign) {
  ProfileStacks stacks(profile_);  // ids of stacks are of one dump
  for (const DumpGroup& group : page.groups) {
    const DumpRecord& record = page.dump.records[group.example];
    more_[{stacks.of(page.dump, record), profile_labels(page.dump, record)}] +=
        sign * static_cast<int64_t>(group.members.size());
  }
}

std::string ProfileChange::finish(const DumpPage& after) {
  count(after, 1);
  for (const auto& [key, more] : more_) {
    if (more == 0) continue;
    std::vector<ProfileWriter::Label> labels;
    for (const auto& [name, text] : key.second) labels.push_back({name, text});
    profile_.add_sample(key.first, std::array{more}, labels);
  }
  const uint64_t ended = after.dump.taken_unix_ns;
  if (ended > began_unix_ns_) profile_.set_duration(ended - began_unix_ns_);
  add_comments(profile_, "the second:\n" + dump_begin_text(after) + dump_end_text(after, 0));
  return profile_.finish();
}

}  // namespace coroscope
