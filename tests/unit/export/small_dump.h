// SPDX-License-Identifier: Apache-2.0
// A dump small enough to know all of what a form makes of it.
#pragma once

#include <string>

#include "export/dump.h"

namespace coroscope {

inline constexpr uint64_t second = 1'000'000'000;

inline Dump two_waiting_one_running() {
  Dump dump;
  dump.pid = 4711;
  dump.command = "order_server --port 0";
  dump.runtime = "coro 1.1";
  dump.workers = 2;
  dump.census_ns = 3'400'000;
  dump.reasons = {{1, "chan receive"}};
  dump.parked_stacks[2].frames = {{"coro::receive", "/rt/channel.h", 9, 0x10, false, true},
                                  {"fetch;all", "/src/fetch.cpp", 57, 0x20},
                                  {"serve", "/src/serve.cpp", 12, 0x30}};
  dump.spawn_stacks[1].frames = {{"start", "/src/main.cpp", 20, 0x40}};
  for (uint64_t id = 1; id <= 3; ++id) {
    DumpRecord record;
    record.id = id;
    record.parent_id = id - 1;
    record.age_ns = 60 * second;
    record.spawn_stack = 1;
    record.activity = id == 3 ? Activity::running : Activity::parked;
    if (id != 3) {
      record.wait_ns = id * 10 * second;
      record.object = 0xa0;
      record.reason = 1;
      record.parked_stack = 2;
    }
    dump.records.push_back(record);
  }
  return dump;
}

inline DumpDetail detail() {
  DumpDetail detail;
  detail.name = "order";
  detail.labels = {{"tenant", "a"}, {"shop", "7"}};
  detail.cause = "no sender";
  return detail;
}

inline DumpPage by_stack(const Dump& dump) {
  DumpPage page{.dump = dump};
  page.groups = group(dump, filter(dump, {}, {}), DumpSort::count);
  page.groups_matched = page.groups.size();
  page.matched = dump.records.size();
  return page;
}

inline DumpPage by_coroutine(const Dump& dump) {
  DumpPage page{.dump = dump, .grouped = false};
  page.records = filter(dump, {}, {});
  page.matched = dump.records.size();
  return page;
}

inline std::string written(DumpEncoder& encoder, const DumpPage& page, uint64_t names_unread = 0) {
  std::string text = encoder.begin(page);
  for (const DumpGroup& group : page.groups) {
    const bool waits = group.activity == Activity::parked;
    text += encoder.group(page, group, waits ? detail() : DumpDetail(), {});
  }
  for (const uint32_t i : page.records) {
    const DumpRecord& record = page.dump.records[i];
    const bool first = record.id == 1;
    text += encoder.coroutine(page, record, first ? detail() : DumpDetail());
  }
  return text + encoder.end(page, names_unread);
}

}  // namespace coroscope
