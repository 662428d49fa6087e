// SPDX-License-Identifier: Apache-2.0
#include "observe/waiting.h"

#include "detect/missing_act.h"

namespace coroscope {

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

}  // namespace coroscope
