// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "export/dump.h"
#include "export/flame_frames.h"

namespace coroscope {
namespace {

// ';' parts the frames of a line.
std::string frame_name(const ReportedFrame& frame) {
  std::string name = frame.function;
  std::replace(name.begin(), name.end(), ';', ':');
  return name;
}

class FoldedDump : public DumpEncoder {
 public:
  std::string begin(const DumpPage&) override { return {}; }

  std::string group(const DumpPage& page, const DumpGroup& group, const DumpDetail&,
                    const ReportedNames&) override {
    std::string text;
    auto frames = flame_frames(page.dump, group.activity, group.parked_stack);
    std::reverse(frames.begin(), frames.end());
    for (const ReportedFrame* frame : frames) text += frame_name(*frame) + ";";
    text += fmt::format("[{}]", page.dump.reason_of(group.activity, group.reason));
    lines_[text] += group.members.size();
    return {};
  }

  std::string coroutine(const DumpPage&, const DumpRecord&, const DumpDetail&) override {
    return {};
  }

  // Only now, because groups that differ in where they were born alone are one line.
  std::string end(const DumpPage&, uint64_t) override {
    std::string text;
    for (const auto& [stack, count] : lines_) text += fmt::format("{} {}\n", stack, count);
    return text;
  }

 private:
  std::map<std::string, uint64_t> lines_;
};

}  // namespace

std::unique_ptr<DumpEncoder> folded_dump() {
  return std::make_unique<FoldedDump>();
}

}  // namespace coroscope
