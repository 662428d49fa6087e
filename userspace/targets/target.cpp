// SPDX-License-Identifier: Apache-2.0
#include "targets/target.h"

#include <fmt/format.h>

#include "targets/coro/coro_target.h"
#include "targets/coro/descriptor.h"

namespace coroscope {

bool has_runtime(const Memory& memory, const std::vector<Module>& modules) {
  return !coro::find_descriptors(memory, modules).empty();
}

Result<std::unique_ptr<Target>> open_target(const Process& process, const Memory& memory,
                                            const std::vector<Module>& modules) {
  const std::vector<coro::DescriptorPlace> places = coro::find_descriptors(memory, modules);
  if (places.empty()) {
    if (process.ending()) return process.gone();
    return Error{
        ErrorKind::target_bad,
        fmt::format("{} has no coroutine runtime that coroscope knows (no ELF note of "
                    "owner \"coro\" in its {} modules); `coroscope ps` lists those that do",
                    process.describe(), modules.size())};
  }
  return coro::CoroTarget::open(process, memory, places);
}

}  // namespace coroscope
