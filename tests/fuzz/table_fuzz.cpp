// SPDX-License-Identifier: Apache-2.0
// All that an observer does with the memory of a process that has our runtime, or
// says so: the descriptor is at 0x1000, the rest is up to the input.
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "image_input.h"
#include "model/dump.h"
#include "model/wait_tree.h"
#include "promise.h"
#include "table_checks.h"
#include "targets/coro/await_reader.h"
#include "targets/coro/coro_target.h"
#include "targets/coro/stack_reader.h"
#include "util/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace coroscope::fuzz {
namespace {

constexpr uint64_t descriptor_at = 0x1000;
constexpr size_t most_asked = 64;  // members that are asked for more than a census has

void check_printable(const std::string& text) {
  const std::string shown = printable(text);
  promise(shown.size() <= text.size() && printable(shown) == shown, "texts are made printable");
}

// As an unwinder: looks at every byte, and knows by them what the stack is called.
UnwoundContext unwind(const ParkedContext& context, Target& target) {
  uint64_t sum = context.sp;
  promise(context.stack.empty() || context.places.empty(), "a place is a stack or a chain");
  promise(context.stack.size() <= coro::StackReader::max_stack_bytes, "stacks are bounded");
  promise(context.stack.empty() || context.stack_address == context.sp, "stacks begin at sp");
  promise(context.places.size() <= coro::TaskPlace::max_links, "chains are bounded");
  for (const std::byte byte : context.stack) sum = sum * 31 + std::to_integer<uint8_t>(byte);
  for (const uint64_t place : context.places) {
    sum = sum * 31 + place;
    const auto known = target.place(place);
    if (!known) continue;
    promise(!known->function.empty(), "a place has a function");
    promise(known->function.size() <= coro::LocationReader::max_text &&
                known->file.size() <= coro::LocationReader::max_text,
            "names are bounded");
    check_printable(known->function);
    check_printable(known->file);
  }
  const auto id = static_cast<ParkedStack>(sum >> 32 ^ sum) | first_parked_stack;
  return {sum % 16 == 0 ? unread_parked_stack : id, context.places_complete};
}

void ask_about_stacks(Target& target, SpawnStack id) {
  const std::vector<uint64_t> frames = target.spawn_stack(id);
  promise(frames.size() <= coro::max_depth, "spawn stacks are bounded");
  promise(target.spawn_stack(id) == frames || frames.empty(), "spawn stacks do not change");
  promise(!frames.empty() || target.spawn_stack_cut(id).empty(),
          "a stack that is not known is not cut");
}

void ask_about(const Member& member, Target& target) {
  if (const auto annotation = target.annotation(member.slot, member.id)) {
    size_t bytes = annotation->name.size();
    check_printable(annotation->name);
    for (const auto& [key, value] : annotation->labels) bytes += key.size() + value.size() + 2;
    promise(bytes < CORO_ANNOTATION_MAX, "names and labels are bounded");
  }
  if (const auto select = target.select(member.slot, member.id)) {
    promise(select->cases.size() <= coro::ObjectReader::max_cases, "selects are bounded");
  }
  (void)target.object_of(member.slot, member.id, member.object);
  (void)target.wait_object(member.object);
  ask_about_stacks(target, member.spawn_stack);
  check_printable(target.reason_name(member.reason));
}

void check_wait_tree(const Census& census, const Target& target) {
  Dump dump;
  std::vector<WaitEdge> edges;
  for (const Member& member : census.members) {
    DumpRecord& record = dump.records.emplace_back();
    record.id = member.id;
    record.slot = member.slot;
    record.activity = member.activity;
    if (edges.size() == 4 * most_asked) continue;
    const auto object = target.object_of_wait(member);
    if (object && object->holder != 0) edges.push_back({member.id, object->holder});
  }
  promise(cyclic_edges(edges).size() <= edges.size(), "a cycle is made of what is there");
  const size_t most_lines = 2 * edges.size();
  const WaitTree tree = build_wait_tree(dump, std::move(edges));
  promise(tree.coroutines + tree.others_waiting + tree.others == dump.records.size(),
          "everybody is in a tree, or not");
  promise(tree.lines.size() <= most_lines, "a tree has its edges and its roots");
}

void check_schedulers(const Target& target) {
  const auto schedulers = target.schedulers();
  if (!schedulers) return;
  size_t workers = 0;
  for (const SchedulerFigures& one : schedulers->running) workers += one.workers.size();
  promise(workers <= coro::SchedulerReader::max_workers, "workers are bounded");
  promise(schedulers->running.size() <= coro::SchedulerReader::max_slots, "schedulers are bounded");
}

Census take_census(Target& target, bool with_stacks) {
  UnwindContext context;
  if (with_stacks) context = [&](const ParkedContext& parked) { return unwind(parked, target); };
  const auto census = target.census(context);
  promise(static_cast<bool>(census), "our own process has not ended");
  check_census(*census, with_stacks, target);
  return *census;
}

void look_at(Target& target, const InputMemory& memory) {
  promise(target.stacks_now() <= target.stacks_at_most(), "stacks are bounded");
  (void)target.stacks_lost();
  (void)target.workers();
  const auto count = target.count();
  promise(static_cast<bool>(count), "our own process has not ended");
  check_headcount(*count);
  const Census census = take_census(target, false);
  const Census with_stacks = take_census(target, true);
  const Census again = take_census(target, true);
  if (memory.still()) {
    check_same(census, *count);
    check_nobody_forgotten(census, memory);
    check_members_equal(with_stacks, again);
  }
  const size_t asked = std::min(again.members.size(), most_asked);
  for (size_t i = 0; i < asked; ++i) ask_about(again.members[i], target);
  for (const SpawnStack id : {0u, 1u, 2u, coro::max_stacks, UINT32_MAX}) {
    ask_about_stacks(target, id);
  }
  check_wait_tree(again, target);
  check_schedulers(target);
}

}  // namespace
}  // namespace coroscope::fuzz

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coroscope;
  using namespace coroscope::fuzz;
  static const Process process = std::move(Process::open(::getpid())).value();
  const InputMemory memory(parse_records({data, size}));
  const coro::DescriptorPlace place{descriptor_at, CORO_ABI_MAJOR, CORO_ABI_MINOR, "/"};
  const auto target = coro::CoroTarget::open(process, memory, {place});
  if (target) look_at(**target, memory);
  return 0;
}
