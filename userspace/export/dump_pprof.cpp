// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <map>

#include "export/dump.h"
#include "export/flame_frames.h"
#include "export/profile_writer.h"

namespace coroscope {
namespace {

using LocationId = ProfileWriter::LocationId;
using Label = ProfileWriter::Label;

// Values and numbers of labels are signed there.
int64_t value_of(uint64_t number) {
  return static_cast<int64_t>(
      std::min(number, static_cast<uint64_t>(std::numeric_limits<int64_t>::max())));
}

// The first word of the command line: what it was started as.
std::string program_of(const Dump& dump) {
  return dump.command.substr(0, dump.command.find(' '));
}

class PprofDump : public DumpEncoder {
 public:
  std::string begin(const DumpPage& page) override {
    profile_.add_sample_type("coroutines", "count");
    profile_.add_sample_type("wait", "nanoseconds");
    profile_.set_default_sample_type("coroutines");
    profile_.set_program(program_of(page.dump));
    profile_.set_time(page.dump.taken_unix_ns);
    add_comments(dump_begin_text(page));
    return profile_.take();
  }

  std::string group(const DumpPage& page, const DumpGroup& group, const DumpDetail&,
                    const ReportedNames&) override {
    int64_t wait = 0;
    for (const uint32_t member : group.members) {
      const int64_t more = value_of(page.dump.records[member].wait_ns);
      wait += std::min(more, std::numeric_limits<int64_t>::max() - wait);
    }
    const DumpRecord& example = page.dump.records[group.example];
    add_sample(page.dump, example, {value_of(group.members.size()), wait}, {});
    return profile_.take();
  }

  std::string coroutine(const DumpPage& page, const DumpRecord& record,
                        const DumpDetail& detail) override {
    std::vector<Label> labels{{"id", {}, value_of(record.id)}};
    if (!detail.name.empty()) labels.push_back({"name", detail.name});
    for (const DumpDetail::Label& label : detail.labels) labels.push_back({label.key, label.value});
    add_sample(page.dump, record, {1, value_of(record.wait_ns)}, std::move(labels));
    return profile_.take();
  }

  std::string end(const DumpPage& page, uint64_t names_unread) override {
    add_comments(dump_end_text(page, names_unread));
    return profile_.finish();
  }

 private:
  void add_comments(std::string_view lines) {
    for (size_t end = 0; (end = lines.find('\n')) != std::string_view::npos;) {
      profile_.add_comment(lines.substr(0, end));
      lines.remove_prefix(end + 1);
    }
  }

  // `record` is any of those that the sample is about.
  void add_sample(const Dump& dump, const DumpRecord& record, std::array<int64_t, 2> values,
                  std::vector<Label> labels) {
    const std::string reason = dump.reason_of(record.activity, record.reason);
    labels.push_back({"state", activity_name(record.activity)});
    if (record.activity == Activity::parked) labels.push_back({"reason", reason});
    const ReportedFrame* creator = top_frame(dump.spawn_stack(record.spawn_stack).frames);
    if (creator != nullptr) labels.push_back({"created_by", creator->function});
    profile_.add_sample(stack_of(dump, record), values, labels);
  }

  // Never empty: pprof leaves out what is nowhere.
  const std::vector<LocationId>& stack_of(const Dump& dump, const DumpRecord& record) {
    std::vector<LocationId>& stack = stacks_[{record.activity, record.parked_stack}];
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

  ProfileWriter profile_;
  std::map<std::pair<Activity, ParkedStack>, std::vector<LocationId>> stacks_;
};

}  // namespace

std::unique_ptr<DumpEncoder> pprof_dump() {
  return std::make_unique<PprofDump>();
}

}  // namespace coroscope
