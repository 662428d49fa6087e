// SPDX-License-Identifier: Apache-2.0
// The text forms of Go's net/http/pprof, for tools and eyes that know them. Groups are what
// debug=1 gives (printCountProfile of runtime/pprof/pprof.go), coroutines what debug=2 does
// (goroutineheader of runtime/traceback.go). What was lost follows in comments.
#include <fmt/format.h>

#include "export/dump.h"
#include "util/text.h"

namespace coroscope {
namespace {

constexpr uint64_t minute_ns = 60'000'000'000;

std::string place_of(const ReportedFrame& frame) {
  return frame.file.empty() ? "?:0" : fmt::format("{}:{}", printable(frame.file), frame.line);
}

// Without a stack it counts where it was born.
const ReportedStack& frames_of(const Dump& dump, ParkedStack parked, SpawnStack spawn) {
  const ReportedStack& frames = dump.parked_stack(parked).frames;
  return frames.empty() ? dump.spawn_stack(spawn).frames : frames;
}

std::string created_by(const Dump& dump, const DumpRecord& record) {
  const ReportedFrame* frame = top_frame(dump.spawn_stack(record.spawn_stack).frames);
  if (frame == nullptr) return "";
  return fmt::format(
      "created by {}{}\n\t{}\n", printable(frame->function),
      record.parent_id == 0 ? std::string() : fmt::format(" in goroutine {}", record.parent_id),
      place_of(*frame));
}

class GoDump : public DumpEncoder {
 public:
  std::string begin(const DumpPage& page) override {
    return page.grouped ? fmt::format("goroutine profile: total {}\n", page.matched) : "";
  }

  std::string group(const DumpPage& page, const DumpGroup& group, const DumpDetail&,
                    const ReportedNames&) override {
    const ReportedStack& frames = frames_of(page.dump, group.parked_stack, group.spawn_stack);
    std::string text = fmt::format("{} @", group.members.size());
    for (const ReportedFrame& frame : frames) {
      if (!frame.inlined) text += fmt::format(" {:#x}", frame.address);
    }
    text += fmt::format("\n# [{}]\n", page.dump.reason_of(group.activity, group.reason));
    for (const ReportedFrame& frame : frames) {
      text += fmt::format("#\t{:#x}\t{}\t{}\n", frame.address, printable(frame.function),
                          place_of(frame));
    }
    return text + "\n";
  }

  std::string coroutine(const DumpPage& page, const DumpRecord& record,
                        const DumpDetail& detail) override {
    const Dump& dump = page.dump;
    std::string text =
        fmt::format("goroutine {} [{}", record.id, dump.reason_of(record.activity, record.reason));
    if (record.wait_ns >= minute_ns)
      text += fmt::format(", {} minutes", record.wait_ns / minute_ns);
    text += "]:\n";
    if (!detail.name.empty()) text += fmt::format("# name: {}\n", printable(detail.name));
    const ReportedStack& frames = dump.parked_stack(record.parked_stack).frames;
    if (frames.empty()) text += "\tgoroutine running on other thread; stack unavailable\n";
    for (const ReportedFrame& frame : frames) {
      text += fmt::format("{}(...)\n\t{}\n", printable(frame.function), place_of(frame));
    }
    return text + created_by(dump, record) + "\n";
  }

  std::string end(const DumpPage& page, uint64_t names_unread) override {
    std::string text;
    const std::string losses = dump_losses_text(page, names_unread);
    for (size_t begin = 0; begin < losses.size();) {
      const size_t end = losses.find('\n', begin);
      text += "# " + losses.substr(begin, end - begin) + "\n";
      begin = end == std::string::npos ? losses.size() : end + 1;
    }
    return text;
  }
};

}  // namespace

std::unique_ptr<DumpEncoder> go_dump() {
  return std::make_unique<GoDump>();
}

}  // namespace coroscope
