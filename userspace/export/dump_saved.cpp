// SPDX-License-Identifier: Apache-2.0
#include "export/dump_saved.h"

#include <fmt/format.h>

#include "export/json_fields.h"
#include "util/text.h"

namespace coroscope {
namespace {

Activity activity(const Json& json) {
  const auto state = field<std::string>(json, "state");
  for (const Activity one :
       {Activity::parked, Activity::running, Activity::runnable, Activity::syscall}) {
    if (state == activity_name(one)) return one;
  }
  throw BadJson(fmt::format("'state' is '{}'", shorten(printable(state), 40)));
}

DumpedStack stack(const Json& json, const char* frames, const char* cut) {
  DumpedStack stack;
  stack.cut = text(json, cut);
  for (const Json& one : array(json, frames)) {
    ReportedFrame frame;
    frame.function = text(one, "function");
    frame.file = text(one, "file");
    frame.line = field<uint32_t>(one, "line");
    frame.address = address(one, "address");
    frame.inlined = field<bool>(one, "inlined");
    frame.runtime = field<bool>(one, "runtime");
    frame.library = field<bool>(one, "library");
    frame.await = field<bool>(one, "await");
    stack.frames.push_back(std::move(frame));
  }
  return stack;
}

ReportedNames names(const Json& json) {
  ReportedNames named;
  named.asked = field<uint64_t>(json, "asked");
  for (const Json& one : array(json, "names")) {
    named.names.push_back({text(one, "name"), field<uint64_t>(one, "members")});
  }
  for (const Json& one : array(json, "labels")) {
    named.labels.push_back({text(one, "key"), text(one, "value"), field<uint64_t>(one, "members")});
  }
  return named;
}

DumpDetail detail(const Json& json) {
  DumpDetail detail;
  detail.name = text(json, "name");
  detail.cause = text(json, "cause");
  for (const Json& label : array(json, "labels")) {
    detail.labels.push_back({text(label, "key"), text(label, "value")});
  }
  detail.select_cases = texts(json, "select_cases");
  return detail;
}

DumpVerdict verdict(const Json& json) {
  return {text(json, "verdict"), text(json, "cause"), texts(json, "because"), texts(json, "chain"),
          text(json, "fix")};
}

}  // namespace

// SavedDumpReader takes a file line by line.
class SavedDumpReader {
 public:
  explicit SavedDumpReader(uint64_t most) : most_(most) {}

  void take(const Json& json) {
    const auto type = field<std::string>(json, "type");
    if (!begun_ && type != "dump") throw BadJson("the first line is not of type 'dump'");
    if (type == "dump") begin(json);
    if (type == "stack") add_stack(json);
    if (type == "group") add_group(json);
    if (type == "coroutine") add_coroutine(json);
    if (type == "end") end(json);
  }

  bool ended() const { return ended_; }
  SavedDump done() { return std::move(saved_); }

 private:
  void begin(const Json& json) {
    if (begun_) throw BadJson("a second dump begins: one file, one dump");
    begun_ = true;
    saved_.details = std::make_unique<SavedDetails>();
    Dump& dump = saved_.dump;
    dump.pid = static_cast<pid_t>(field<uint32_t>(json, "pid"));
    dump.inner_pid = static_cast<pid_t>(field<uint32_t>(json, "inner_pid"));
    dump.process = text(json, "process");
    dump.taken_unix_ns = wall_time(json, "taken");
    dump.command = text(json, "command");
    dump.runtime = text(json, "runtime");
    dump.workers = field<uint32_t>(json, "workers");
    dump.uptime_ns = nanoseconds(json, "uptime_s");
    dump.census_ns = nanoseconds(json, "census_s");
    dump.only_groups = field<std::string>(json, "by") == "stack";
    live_ = field<uint64_t>(json, "live");
    dump.system = field<uint64_t>(json, "system");
    const Json& losses = object(json, "losses");
    dump.losses.torn = field<uint64_t>(losses, "torn");
    dump.losses.unsettled = field<uint64_t>(losses, "unsettled");
    dump.losses.unreadable = field<uint64_t>(losses, "unreadable");
    dump.losses.malformed = field<uint64_t>(losses, "malformed");
    dump.losses.over_limit = field<uint64_t>(losses, "over_limit");
    dump.stacks_lost = field<uint64_t>(losses, "stacks_lost");
    dump.stacks_unread = field<uint64_t>(json, "stacks_unread");
    dump.stacks_cut = field<uint64_t>(json, "stacks_cut");
    dump.other_copies = field<uint32_t>(json, "other_copies");
  }

  void add_stack(const Json& json) {
    const auto id = field<uint32_t>(json, "id");
    const auto kind = field<std::string>(json, "kind");
    if (kind == "parked") saved_.dump.parked_stacks[id] = stack(json, "frames", "cut");
    if (kind == "spawn") saved_.dump.spawn_stacks[id] = stack(json, "frames", "cut");
  }

  // What a group and a coroutine tell alike.
  DumpRecord record(const Json& json) {
    DumpRecord record;
    record.activity = activity(json);
    record.reason = reason(json);
    record.spawn_stack = field<uint32_t>(json, "spawn_stack_id");
    if (json.contains("parked_stack_id")) {
      record.parked_stack = field<uint32_t>(json, "parked_stack_id");
    } else if (record.activity == Activity::parked || record.activity == Activity::syscall) {
      record.parked_stack = unread_parked_stack;
    }
    return record;
  }

  Reason reason(const Json& json) {
    const std::string name = text(json, "reason");
    if (name.empty()) return 0;
    const auto next = static_cast<Reason>(reasons_.size() + 1);
    const auto [at, is_new] = reasons_.emplace(name, next);
    if (is_new) saved_.dump.reasons[next] = name;
    return at->second;
  }

  void add(DumpRecord record, uint64_t count) {
    std::vector<DumpRecord>& records = saved_.dump.records;
    if (count > most_ - records.size()) {
      throw BadJson(fmt::format("more than {} coroutines", most_));
    }
    for (uint64_t i = 0; i < count; ++i) {
      record.slot = static_cast<uint32_t>(records.size());
      records.push_back(record);
    }
  }

  // Its example, then others who are nobody: with waits and ages that the group has.
  void add_group(const Json& json) {
    const auto count = field<uint64_t>(json, "count");
    if (count == 0) throw BadJson("'count' is 0");
    const auto first = static_cast<uint32_t>(saved_.dump.records.size());
    DumpRecord one = record(json);
    if (one.parked_stack >= first_parked_stack) {
      saved_.dump.parked_stacks[one.parked_stack] = stack(json, "parked_at", "parked_cut");
    }
    if (one.spawn_stack != 0) {
      saved_.dump.spawn_stacks[one.spawn_stack] = stack(json, "spawned_at", "spawn_cut");
    }
    one.age_ns = nanoseconds(json, "oldest_age_s");
    one.wait_ns = nanoseconds(json, "longest_wait_s");
    const Json& example = object(json, "example");
    const bool judged = one.activity == Activity::parked && json.contains("verdict");
    if (judged) saved_.dump.verdicts.emplace(place_of(one), verdict(json));
    one.id = field<uint64_t>(example, "id");
    one.object = address(example, "object");
    add(one, 1);
    saved_.details->details_[first] = detail(example);
    if (json.contains("named")) saved_.details->named_[first] = names(object(json, "named"));
    one.id = one.object = 0;
    one.wait_ns = nanoseconds(json, "shortest_wait_s");
    add(one, count - 1);
  }

  void add_coroutine(const Json& json) {
    DumpRecord one = record(json);
    one.id = field<uint64_t>(json, "id");
    one.parent_id = field<uint64_t>(json, "parent");
    one.object = address(json, "object");
    one.wait_ns = nanoseconds(json, "wait_s");
    one.age_ns = nanoseconds(json, "age_s");
    DumpDetail told = detail(json);
    one.annotated = !told.name.empty() || !told.labels.empty();
    const bool any = one.annotated || !told.cause.empty() || !told.select_cases.empty();
    const auto slot = static_cast<uint32_t>(saved_.dump.records.size());
    add(one, 1);
    if (any) saved_.details->details_.emplace_hint(saved_.details->details_.end(), slot, told);
  }

  void end(const Json& json) {
    const size_t found = saved_.dump.records.size();
    const auto shown = field<uint64_t>(json, "shown");
    if (shown != found)
      throw BadJson(fmt::format("{} coroutines, but {} were written", found, shown));
    saved_.details->unread_ = field<uint64_t>(json, "names_unread");
    saved_.dump.gone = field<bool>(json, "gone");
    saved_.dump.left_out = live_ > found ? live_ - found : 0;
    ended_ = true;
  }

  uint64_t most_;
  SavedDump saved_;
  std::map<std::string, Reason> reasons_;
  uint64_t live_ = 0;
  bool begun_ = false;
  bool ended_ = false;
};

Result<SavedDump> read_saved_dump(std::istream& input, const std::string& name, uint64_t most) {
  SavedDumpReader reader(most);
  uint64_t number = 0;
  const auto error = [&name](const std::string& what) {
    return Error{ErrorKind::usage,
                 fmt::format("{}: {}; give a PID, or a file that `coroscope dump --format json` "
                             "wrote",
                             name, what)};
  };
  for (std::string line; !reader.ended() && std::getline(input, line);) {
    number++;
    try {
      reader.take(Json::parse(line));
    } catch (const Json::exception&) {
      return error(fmt::format("line {} is no JSON object", number));
    } catch (const BadJson& bad) {
      return error(fmt::format("line {}: {}", number, bad.what()));
    }
  }
  if (input.bad()) return error("can not be read");
  if (!reader.ended()) return error(number == 0 ? "it is empty" : "it ends early");
  return reader.done();
}

DumpDetail SavedDetails::names_of(const DumpRecord& record) {
  const auto found = details_.find(record.slot);
  return found == details_.end() ? DumpDetail{} : found->second;
}

DumpDetail SavedDetails::describe(const Dump&, const DumpRecord& record) {
  return names_of(record);
}

ReportedNames SavedDetails::count_names_of(const Dump& dump, const std::vector<uint32_t>& members) {
  if (dump.only_groups) {
    const auto found = named_.find(dump.records[members.front()].slot);
    return found == named_.end() ? ReportedNames{} : found->second;
  }
  return {};
}

}  // namespace coroscope
