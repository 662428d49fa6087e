// SPDX-License-Identifier: Apache-2.0
#include "observe/stack_names.h"

#include "symbolize/frame.h"
#include "util/text.h"

namespace coroscope {

namespace {

// Null if the stack was followed to its outermost frame.
const char* why_cut(const UnwoundStack& unwound) {
  if (unwound.end != StackEnd::complete) return stack_end_name(unwound.end);
  return unwound.frame_pointer_steps == 0 ? nullptr : "frame pointers were followed";
}

}  // namespace

UnwoundContext StackNames::intern(const ParkedContext& context) {
  if (!context.places.empty()) {
    return keep({true, {context.places.begin(), context.places.end()}},
                context.places_complete ? nullptr : "the chain of awaits could not be followed");
  }
  UnwoundStack unwound = unwinder_.unwind(context.pc, context.sp, context.stack_address,
                                          context.stack, context.registers);
  // The first pc is where every parked coroutine continues, inside the switch.
  // Alone it says nothing. Of one that runs it is where it is.
  if (unwound.pcs.size() < (context.registers.empty() ? 2 : 1)) return {unread_parked_stack, false};
  const char* cut = why_cut(unwound);
  return keep({false, std::move(unwound.pcs)}, cut);
}

UnwoundContext StackNames::keep(Frames frames, const char* cut) {
  const auto found = ids_.find(frames);
  if (found != ids_.end()) return found->second.context;
  if (parked_.size() >= max_parked_stacks) return {unread_parked_stack, false};
  const auto id = static_cast<ParkedStack>(parked_.size()) + first_parked_stack;
  const Kept kept{{id, cut == nullptr}, cut};
  const auto entry = ids_.emplace(std::move(frames), kept).first;
  parked_.push_back(&*entry);
  if (entry->first.places) {
    for (const uint64_t place : entry->first.addresses) (void)target_.place(place);
  }
  return kept.context;
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
  const Frames& frames = parked_[id - first_parked_stack]->first;
  return frames.places ? name_places(frames.addresses) : name(frames.addresses, true);
}

std::string StackNames::parked_cut(ParkedStack id) const {
  if (id < first_parked_stack || id - first_parked_stack >= parked_.size()) return {};
  const char* cut = parked_[id - first_parked_stack]->second.cut;
  return cut == nullptr ? "" : cut;
}

ReportedStack StackNames::spawn_frames(SpawnStack id) {
  return name(target_.spawn_stack(id), false);
}

}  // namespace coroscope
