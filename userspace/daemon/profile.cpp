// SPDX-License-Identifier: Apache-2.0
#include "daemon/profile.h"

#include <numeric>

#include "export/dump.h"
#include "export/profile_change.h"
#include "model/dump_query.h"
#include "observe/dumping.h"

namespace coroscope::daemon {
namespace {

DumpPage page_of(const Dump& dump, bool grouped) {
  DumpPage page{.dump = dump, .grouped = grouped, .filtered = false};
  std::vector<uint32_t> records(dump.records.size());
  std::iota(records.begin(), records.end(), 0U);
  page.matched = records.size();
  if (grouped) {
    page.groups = group(dump, records, DumpSort::count);
    page.groups_matched = page.groups.size();
  } else {
    sort_by_age(dump, records);
    page.records = std::move(records);
  }
  return page;
}

std::string encode(const DumpPage& page, DumpDetails& details, DumpEncoder& encoder) {
  const Dump& dump = page.dump;
  std::string text = encoder.begin(page);
  for (const DumpGroup& one : page.groups) {
    text += encoder.group(page, one, details.describe(dump, dump.records[one.example]),
                          details.count_names_of(dump, one.members));
  }
  for (const uint32_t index : page.records) {
    const DumpRecord& record = dump.records[index];
    text += encoder.coroutine(page, record, details.names_of(record));
  }
  return text + encoder.end(page, details.unread());
}

Result<std::unique_ptr<Observation>> open_same(pid_t pid, uint64_t start_ticks) {
  auto observation = Observation::open(pid);
  if (!observation) return observation.error();
  if ((*observation)->process().start_ticks() != start_ticks) {
    return (*observation)->process().gone();
  }
  return observation;
}

// What is known of a process is not kept over the wait: that may be for long.
Result<Dump> dump_same(pid_t pid, uint64_t start_ticks, std::mutex& looking) {
  const std::lock_guard lock(looking);
  auto observation = open_same(pid, start_ticks);
  if (!observation) return observation.error();
  return take_dump(**observation);
}

}  // namespace

std::optional<ProfileForm> profile_form(std::string_view debug) {
  if (debug.empty() || debug == "0") return ProfileForm::proto;
  if (debug == "1") return ProfileForm::groups;
  if (debug == "2") return ProfileForm::coroutines;
  return std::nullopt;
}

Result<std::string> take_profile(pid_t pid, uint64_t start_ticks, ProfileForm form) {
  auto observation = open_same(pid, start_ticks);
  if (!observation) return observation.error();
  auto dump = take_dump(**observation);
  if (!dump) return dump.error();
  TargetDetails details((*observation)->target());
  const auto encoder = form == ProfileForm::proto ? pprof_dump() : go_dump();
  return encode(page_of(*dump, form != ProfileForm::coroutines), details, *encoder);
}

Result<std::string> take_change(pid_t pid, uint64_t start_ticks, uint64_t seconds, const Wait& wait,
                                std::mutex& looking) {
  std::optional<ProfileChange> change;
  {
    auto before = dump_same(pid, start_ticks, looking);
    if (!before) return before.error();
    change.emplace(page_of(*before, true));
  }
  if (!wait(seconds * 1'000'000'000))
    return Error{ErrorKind::environment, "the daemon ends, or who asked has hung up"};
  auto after = dump_same(pid, start_ticks, looking);
  if (!after) return after.error();
  return change->finish(page_of(*after, true));
}

}  // namespace coroscope::daemon
