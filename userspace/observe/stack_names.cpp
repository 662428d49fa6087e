// SPDX-License-Identifier: Apache-2.0
#include "observe/stack_names.h"

#include "util/text.h"

namespace coroscope {

UnwoundContext StackNames::intern(const ParkedContext& context) {
  UnwoundStack unwound =
      unwinder_.unwind(context.pc, context.sp, context.stack_address, context.stack);
  // The first pc is where every parked coroutine continues, inside the switch.
  // Alone it says nothing.
  if (unwound.pcs.size() < 2) return {unread_parked_stack, false};
  const bool complete = unwound.end == StackEnd::complete && unwound.frame_pointer_steps == 0;
  const auto found = ids_.find(unwound.pcs);
  if (found != ids_.end()) return found->second;
  if (parked_.size() >= max_parked_stacks) return {unread_parked_stack, false};
  const auto id = static_cast<ParkedStack>(parked_.size()) + first_parked_stack;
  const auto entry = ids_.emplace(std::move(unwound.pcs), UnwoundContext{id, complete}).first;
  parked_.push_back(&entry->first);
  return entry->second;
}

ReportedStack StackNames::name(const std::vector<uint64_t>& pcs, bool first_is_exact) {
  ReportedStack stack;
  for (size_t i = 0; i < pcs.size(); ++i) {
    for (const Frame& frame : symbolizer_.frames(pcs[i], !(first_is_exact && i == 0))) {
      ReportedFrame reported;
      reported.function = printable(display_name(frame));
      reported.file = printable(frame.file);
      reported.line = frame.line;
      reported.address = frame.address;
      reported.inlined = frame.inlined;
      reported.runtime = target_.is_runtime_function(reported.function);
      stack.push_back(std::move(reported));
    }
  }
  return stack;
}

ReportedStack StackNames::parked_frames(ParkedStack id) {
  if (id < first_parked_stack || id - first_parked_stack >= parked_.size()) return {};
  return name(*parked_[id - first_parked_stack], true);
}

ReportedStack StackNames::spawn_frames(SpawnStack id) {
  return name(target_.spawn_stack(id), false);
}

}  // namespace coroscope
