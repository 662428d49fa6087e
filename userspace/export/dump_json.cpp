// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <set>

#include "export/dump.h"
#include "export/json_parts.h"

namespace coroscope {
namespace {

std::string hex(uint64_t value) {
  return fmt::format("{:#x}", value);
}

// Of a coroutine that runs, or whose stack was not read, there is no parked one.
void add_stack_ids(Json& json, ParkedStack parked, SpawnStack spawned) {
  if (parked >= first_parked_stack) json["parked_stack_id"] = parked;
  json["spawn_stack_id"] = spawned;
}

void add_completeness(Json& json, const char* prefix, const DumpedStack& stack) {
  json[std::string(prefix) + "complete"] = stack.complete();
  if (!stack.cut.empty()) json[std::string(prefix) + "cut"] = stack.cut;
}

void add_state(Json& json, const Dump& dump, Activity activity, Reason reason) {
  json["state"] = activity_name(activity);
  if (activity == Activity::parked) json["reason"] = dump.reason_of(activity, reason);
}

void add_wait(Json& json, const DumpRecord& record, const DumpDetail& detail) {
  if (record.object != 0) json["object"] = hex(record.object);
  if (!detail.cause.empty()) json["cause"] = detail.cause;
  if (!detail.select_cases.empty()) json["select_cases"] = detail.select_cases;
}

void add_verdict(Json& json, const DumpVerdict& verdict) {
  json["verdict"] = verdict.verdict;
  if (!verdict.cause.empty()) json["cause"] = verdict.cause;
  if (!verdict.because.empty()) json["because"] = verdict.because;
  if (!verdict.chain.empty()) json["chain"] = verdict.chain;
  if (!verdict.fix.empty()) json["fix"] = verdict.fix;
}

class JsonDump : public DumpEncoder {
 public:
  std::string begin(const DumpPage& page) override {
    const Dump& dump = page.dump;
    Json json = {{"type", "dump"},
                 {"by", page.grouped ? "stack" : "coroutine"},
                 {"pid", dump.pid},
                 {"process", dump.process},
                 {"taken", utc(dump.taken_unix_ns)},
                 {"command", dump.command},
                 {"runtime", dump.runtime},
                 {"workers", dump.workers},
                 {"live", dump.live()}};
    for (const Activity activity :
         {Activity::parked, Activity::running, Activity::runnable, Activity::syscall}) {
      json[activity_name(activity)] = dump.count(activity);
    }
    add_inner_pid(json, dump.inner_pid);
    json["system"] = dump.system;
    json["matched"] = page.matched;
    json["shown"] = page.shown();
    if (page.grouped) json["groups"] = page.groups_matched;
    if (dump.uptime_ns != 0) json["uptime_s"] = seconds(dump.uptime_ns);
    json["census_s"] = seconds(dump.census_ns);
    json["completeness"] = dump.completeness();
    json["losses"] = census_losses_json(dump.losses);
    json["losses"]["stacks_lost"] = dump.stacks_lost;
    json["stacks_unread"] = dump.stacks_unread;
    json["stacks_cut"] = dump.stacks_cut;
    if (dump.other_copies > 0) json["other_copies"] = dump.other_copies;
    return line(json);
  }

  std::string group(const DumpPage& page, const DumpGroup& group, const DumpDetail& example,
                    const ReportedNames& named) override {
    const Dump& dump = page.dump;
    const DumpRecord& record = dump.records[group.example];
    Json json = {{"type", "group"}, {"count", group.members.size()}};
    add_state(json, dump, group.activity, group.reason);
    if (group.activity == Activity::parked) {
      json["shortest_wait_s"] = seconds(group.shortest_wait_ns);
      json["longest_wait_s"] = seconds(group.longest_wait_ns);
    }
    json["oldest_age_s"] = seconds(group.oldest_age_ns);
    if (const DumpVerdict* verdict = dump.verdict_of(record)) add_verdict(json, *verdict);
    json["example"] = {{"id", record.id}};
    add_wait(json["example"], record, example);
    if (!named.names.empty() || !named.labels.empty()) json["named"] = names_json(named);
    add_stack_ids(json, group.parked_stack, group.spawn_stack);
    add_completeness(json, "parked_", dump.parked_stack(group.parked_stack));
    add_completeness(json, "spawn_", dump.spawn_stack(group.spawn_stack));
    json["parked_at"] = stack_json(dump.parked_stack(group.parked_stack).frames);
    json["spawned_at"] = stack_json(dump.spawn_stack(group.spawn_stack).frames);
    return line(json);
  }

  std::string coroutine(const DumpPage& page, const DumpRecord& record,
                        const DumpDetail& detail) override {
    const Dump& dump = page.dump;
    std::string text = stacks_of(dump, record);
    Json json = {{"type", "coroutine"}, {"id", record.id}};
    if (!detail.name.empty()) json["name"] = detail.name;
    for (const DumpDetail::Label& label : detail.labels) {
      json["labels"].push_back({{"key", label.key}, {"value", label.value}});
    }
    add_state(json, dump, record.activity, record.reason);
    if (record.activity == Activity::parked) json["wait_s"] = seconds(record.wait_ns);
    add_wait(json, record, detail);
    json["age_s"] = seconds(record.age_ns);
    if (record.parent_id != 0) json["parent"] = record.parent_id;
    add_stack_ids(json, record.parked_stack, record.spawn_stack);
    return text + line(json);
  }

  std::string end(const DumpPage& page, uint64_t names_unread) override {
    return line({{"type", "end"},
                 {"shown", page.shown()},
                 {"names_unread", names_unread},
                 {"gone", page.dump.gone}});
  }

 private:
  // The stacks that are needed for the first time, a line each: many coroutines
  // share few stacks.
  std::string stacks_of(const Dump& dump, const DumpRecord& record) {
    std::string text;
    if (record.parked_stack >= first_parked_stack && parked_.insert(record.parked_stack).second) {
      text += stack_line("parked", record.parked_stack, dump.parked_stack(record.parked_stack));
    }
    if (record.spawn_stack != 0 && spawned_.insert(record.spawn_stack).second) {
      text += stack_line("spawn", record.spawn_stack, dump.spawn_stack(record.spawn_stack));
    }
    return text;
  }

  static std::string stack_line(const char* kind, uint32_t id, const DumpedStack& stack) {
    Json json = {{"type", "stack"}, {"kind", kind}, {"id", id}};
    add_completeness(json, "", stack);
    json["frames"] = stack_json(stack.frames);
    return line(json);
  }

  std::set<ParkedStack> parked_;
  std::set<SpawnStack> spawned_;
};

}  // namespace

std::unique_ptr<DumpEncoder> json_dump() {
  return std::make_unique<JsonDump>();
}

}  // namespace coroscope
