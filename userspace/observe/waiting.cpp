// SPDX-License-Identifier: Apache-2.0
#include "observe/waiting.h"

#include <fmt/format.h>

#include "detect/missing_act.h"

namespace coroscope {
namespace {

// "transfer  server.cpp:57"
std::string place_text(const ReportedStack& stack) {
  const ReportedFrame* top = top_frame(stack);
  if (top == nullptr) return {};
  if (top->file.empty()) return top->function;
  return fmt::format("{}  {}:{}", top->function, top->file.substr(top->file.rfind('/') + 1),
                     top->line);
}

}  // namespace

std::string missing_act(const Target& target, const std::string& reason, uint64_t object,
                        uint64_t now_ns) {
  const auto state = target.wait_object(object);
  return state ? missing_act(*state, reason, now_ns) : "";
}

std::vector<std::string> select_cases(const Target& target, const MemberPlace& member,
                                      uint64_t now_ns) {
  const auto select = target.select(member.slot, member.id);
  return select ? case_lines(*select, now_ns) : std::vector<std::string>{};
}

WaitWords describe_wait(const Target& target, const FramesOf& frames, const std::string& reason,
                        uint64_t object, const PlaceWaits* waits, uint64_t now_ns) {
  const auto state = target.wait_object(object);
  WaitWords words{find_cause(reason, state ? &*state : nullptr, waits, now_ns), {}};
  if (waits == nullptr || !waits->all_stuck() || waits->chain.front().awaited == 0) return words;
  words.chain = format_chain(
      *waits, [&target](Reason one) { return target.reason_name(one); },
      [&frames](ParkedStack stack) { return place_text(frames.parked(stack)); },
      [&frames](uint64_t address) { return place_text(frames.call(address)); });
  return words;
}

}  // namespace coroscope
