// SPDX-License-Identifier: Apache-2.0
#include "export/profile_parts.h"

#include "export/flame_frames.h"

namespace coroscope {

std::string program_of(const Dump& dump) {
  return dump.command.substr(0, dump.command.find(' '));
}

void add_comments(ProfileWriter& profile, std::string_view lines) {
  for (size_t end = 0; (end = lines.find('\n')) != std::string_view::npos;) {
    profile.add_comment(lines.substr(0, end));
    lines.remove_prefix(end + 1);
  }
}

ProfileLabels profile_labels(const Dump& dump, const DumpRecord& record) {
  ProfileLabels labels{{"state", std::string(activity_name(record.activity))}};
  if (record.activity == Activity::parked) {
    labels.emplace_back("reason", dump.reason_of(record.activity, record.reason));
  }
  const ReportedFrame* creator = top_frame(dump.spawn_stack(record.spawn_stack).frames);
  if (creator != nullptr) labels.emplace_back("created_by", creator->function);
  return labels;
}

const std::vector<ProfileWriter::LocationId>& ProfileStacks::of(const Dump& dump,
                                                                const DumpRecord& record) {
  auto& stack = stacks_[{record.activity, record.parked_stack}];
  if (!stack.empty()) return stack;
  const auto frames = flame_frames(dump, record.activity, record.parked_stack);
  for (size_t begin = 0; begin < frames.size();) {
    size_t end = begin + 1;
    while (end < frames.size() && frames[end - 1]->inlined &&
           frames[end]->address == frames[begin]->address) {
      end++;
    }
    stack.push_back(profile_.location({frames.data() + begin, end - begin}));
    begin = end;
  }
  if (stack.empty()) {
    stack.push_back(profile_.location("[" + std::string(activity_name(record.activity)) + "]"));
  }
  return stack;
}

}  // namespace coroscope
