// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "export/json_parts.h"
#include "export/wait_tree.h"

namespace coroscope {
namespace {

// The innermost frame of the program, or the innermost.
void add_top(Json& json, const char* name, const DumpedStack& stack) {
  const ReportedFrame* top = top_frame(stack.frames);
  if (top != nullptr) json[name] = stack_json({*top})[0];
}

void add_record(Json& json, const Dump& dump, const DumpRecord& record) {
  json["state"] = activity_name(record.activity);
  if (record.activity == Activity::parked) {
    json["reason"] = dump.reason_of(record.activity, record.reason);
    json["wait_s"] = seconds(record.wait_ns);
  }
  if (record.object != 0) json["object"] = fmt::format("{:#x}", record.object);
  add_top(json, "parked_at", dump.parked_stack(record.parked_stack));
  add_top(json, "spawned_at", dump.spawn_stack(record.spawn_stack));
}

class JsonWaitTree : public WaitTreeEncoder {
 public:
  std::string begin(const WaitTreePage& page) override {
    const Dump& dump = page.dump;
    const WaitTree& tree = page.tree;
    Json json = {{"type", "tree"},
                 {"pid", dump.pid},
                 {"command", dump.command},
                 {"runtime", dump.runtime},
                 {"workers", dump.workers},
                 {"live", dump.records.size()},
                 {"in_trees", tree.coroutines},
                 {"trees", tree.roots.size()},
                 {"cycles", tree.cycles.size()},
                 {"others_waiting", tree.others_waiting},
                 {"others", tree.others},
                 {"waits_moved", page.moved},
                 {"census_s", seconds(dump.census_ns)},
                 {"completeness", dump.completeness()}};
    json["losses"] = census_losses_json(dump.losses);
    add_inner_pid(json, dump.inner_pid);
    if (dump.other_copies > 0) json["other_copies"] = dump.other_copies;
    return coroscope::line(json);
  }

  std::string line(const WaitTreePage& page, const WaitTree::Line& line,
                   const DumpDetail& names) override {
    path_.resize(line.depth);
    Json json = {{"type", "node"}, {"id", line.id}, {"depth", line.depth}};
    if (line.depth > 0) json["waits_for"] = path_.back();
    path_.push_back(line.id);
    if (line.kind == WaitTree::Kind::again) json["again"] = true;
    if (line.kind == WaitTree::Kind::cycle) {
      const WaitTree::Cycle& cycle = page.tree.cycles[line.cycle];
      json["cycle"] = {{"through", cycle.through}, {"more", cycle.more}};
    }
    if (line.record == WaitTree::no_record) json["present"] = false;
    if (line.record == WaitTree::no_record || line.kind != WaitTree::Kind::coroutine) {
      return coroscope::line(json);
    }
    if (!names.name.empty()) json["name"] = names.name;
    add_record(json, page.dump, page.dump.records[line.record]);
    return coroscope::line(json);
  }

  std::string end(const WaitTreePage& page, uint64_t names_unread) override {
    return coroscope::line({{"type", "end"},
                            {"trees_shown", page.roots_shown},
                            {"names_unread", names_unread},
                            {"gone", page.dump.gone}});
  }

 private:
  std::vector<uint64_t> path_;  // ids, from the root to the line before
};

}  // namespace

std::unique_ptr<WaitTreeEncoder> json_wait_tree() {
  return std::make_unique<JsonWaitTree>();
}

}  // namespace coroscope
