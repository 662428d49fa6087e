// SPDX-License-Identifier: Apache-2.0
#include "export/flame_frames.h"

#include "export/text_parts.h"

namespace coroscope {
namespace {

ReportedFrame only_a_name(const char* name) {
  ReportedFrame frame;
  frame.function = name;
  return frame;
}

}  // namespace

std::vector<const ReportedFrame*> flame_frames(const Dump& dump, Activity activity,
                                               ParkedStack stack) {
  static const ReportedFrame cut = only_a_name("[cut]");
  static const ReportedFrame not_read = only_a_name("[stack not read]");
  const DumpedStack& parked = dump.parked_stack(stack);
  std::vector<const ReportedFrame*> frames = shown(parked.frames);
  const bool waits = activity == Activity::parked || activity == Activity::syscall;
  if (frames.empty() && waits) frames.push_back(&not_read);
  if (!parked.cut.empty()) frames.push_back(&cut);
  return frames;
}

}  // namespace coroscope
