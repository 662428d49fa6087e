// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "export/dump.h"
#include "export/text_parts.h"

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
    const DumpedStack& stack = page.dump.parked_stack(group.parked_stack);
    // A stack that is not whole must not look as if it began where it was cut.
    std::string text = stack.cut.empty() ? "" : "[cut];";
    const bool waits = group.activity == Activity::parked || group.activity == Activity::syscall;
    if (stack.frames.empty() && waits) text += "[stack not read];";
    auto frames = shown(stack.frames);
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
