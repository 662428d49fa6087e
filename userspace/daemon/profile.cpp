// SPDX-License-Identifier: Apache-2.0
#include "daemon/profile.h"

#include <numeric>

#include "export/dump.h"
#include "model/dump_query.h"
#include "observe/dumping.h"

namespace coroscope::daemon {

Result<std::string> take_profile(pid_t pid, uint64_t start_ticks) {
  auto observation = Observation::open(pid);
  if (!observation) return observation.error();
  if ((*observation)->process().start_ticks() != start_ticks) {
    return (*observation)->process().gone();
  }
  auto dump = take_dump(**observation);
  if (!dump) return dump.error();
  TargetDetails details((*observation)->target());
  DumpPage page{.dump = *dump, .grouped = true, .filtered = false};
  std::vector<uint32_t> records(dump->records.size());
  std::iota(records.begin(), records.end(), 0U);
  page.matched = records.size();
  page.groups = group(*dump, records, DumpSort::count);
  page.groups_matched = page.groups.size();
  const auto encoder = pprof_dump();
  std::string text = encoder->begin(page);
  for (const DumpGroup& one : page.groups) {
    text += encoder->group(page, one, details.describe(*dump, dump->records[one.example]),
                           details.count_names_of(*dump, one.members));
  }
  return text + encoder->end(page, details.unread());
}

}  // namespace coroscope::daemon
