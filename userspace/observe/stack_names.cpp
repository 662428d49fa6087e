// SPDX-License-Identifier: Apache-2.0
#include "observe/stack_names.h"

#include "symbolize/frame.h"
#include "util/text.h"

namespace coroscope {

UnwoundContext StackNames::intern(const ParkedContext& context) {
  if (!context.places.empty()) {
    return keep({true, {context.places.begin(), context.places.end()}}, context.places_complete);
  }
  UnwoundStack unwound =
      unwinder_.unwind(context.pc, context.sp, context.stack_address, context.stack);
  // The first pc is where every parked coroutine continues, inside the switch.
  // Alone it says nothing.
  if (unwound.pcs.size() < 2) return {unread_parked_stack, false};
  const bool complete = unwound.end == StackEnd::complete && unwound.frame_pointer_steps == 0;
  return keep({false, std::move(unwound.pcs)}, complete);
}

UnwoundContext StackNames::keep(Frames frames, bool complete) {
  const auto found = ids_.find(frames);
  if (found != ids_.end()) return found->second;
  if (parked_.size() >= max_parked_stacks) return {unread_parked_stack, false};
  const auto id = static_cast<ParkedStack>(parked_.size()) + first_parked_stack;
  const auto entry = ids_.emplace(std::move(frames), UnwoundContext{id, complete}).first;
  parked_.push_back(&entry->first);
  if (entry->first.places) {
    for (const uint64_t place : entry->first.addresses) (void)target_.place(place);
  }
  return entry->second;
}

ReportedStack StackNames::name_places(const std::vector<uint64_t>& places) {
  ReportedStack stack;
  for (const uint64_t place : places) {
    ReportedFrame reported;
    reported.address = place;
    reported.await = true;
    if (const auto source = target_.place(place)) {
      reported.function = printable(short_function(source->function));
      reported.file = printable(source->file);
      reported.line = source->line;
      reported.runtime = target_.is_runtime_function(reported.function);
      reported.library = is_library_function(reported.function);
    } else {
      reported.function = "(place not known)";
    }
    stack.push_back(std::move(reported));
  }
  return stack;
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
      reported.library = is_library_function(reported.function);
      stack.push_back(std::move(reported));
    }
  }
  return stack;
}

ReportedStack StackNames::parked_frames(ParkedStack id) {
  if (id < first_parked_stack || id - first_parked_stack >= parked_.size()) return {};
  const Frames& frames = *parked_[id - first_parked_stack];
  return frames.places ? name_places(frames.addresses) : name(frames.addresses, true);
}

ReportedStack StackNames::spawn_frames(SpawnStack id) {
  return name(target_.spawn_stack(id), false);
}

}  // namespace coroscope
