// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <limits>

#include "export/dump.h"
#include "export/profile_parts.h"

namespace coroscope {
namespace {

using Label = ProfileWriter::Label;

// Values and numbers of labels are signed there.
int64_t value_of(uint64_t number) {
  return static_cast<int64_t>(
      std::min(number, static_cast<uint64_t>(std::numeric_limits<int64_t>::max())));
}

class PprofDump : public DumpEncoder {
 public:
  std::string begin(const DumpPage& page) override {
    profile_.add_sample_type("coroutines", "count");
    profile_.add_sample_type("wait", "nanoseconds");
    profile_.set_default_sample_type("coroutines");
    profile_.set_program(program_of(page.dump));
    profile_.set_time(page.dump.taken_unix_ns);
    add_comments(profile_, dump_begin_text(page));
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
    add_comments(profile_, dump_end_text(page, names_unread));
    return profile_.finish();
  }

 private:
  // `record` is any of those that the sample is about.
  void add_sample(const Dump& dump, const DumpRecord& record, std::array<int64_t, 2> values,
                  std::vector<Label> labels) {
    const ProfileLabels of = profile_labels(dump, record);
    for (const auto& [key, text] : of) labels.push_back({key, text});
    profile_.add_sample(stacks_.of(dump, record), values, labels);
  }

  ProfileWriter profile_;
  ProfileStacks stacks_{profile_};
};

}  // namespace

std::unique_ptr<DumpEncoder> pprof_dump() {
  return std::make_unique<PprofDump>();
}

}  // namespace coroscope
