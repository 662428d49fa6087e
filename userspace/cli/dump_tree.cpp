// SPDX-License-Identifier: Apache-2.0
// coroscope dump --tree: who waits for whom.
#include <algorithm>
#include <cstdio>

#include "cli/commands.h"
#include "cli/pid.h"
#include "cli/signals.h"
#include "export/wait_tree.h"
#include "observe/dumping.h"
#include "observe/wait_edges.h"

namespace coroscope {
namespace {

// A tree is of everybody: without some of them it could lack what holds it together.
Result<void> check(const DumpOptions& options) {
  const bool shown = options.format == "text" || options.format == "json";
  const bool chosen = !options.states.empty() || !options.reasons.empty() ||
                      !options.labels.empty() || !options.older_than.empty() ||
                      !options.waits_longer.empty() || !options.stack.empty() ||
                      !options.top.empty() || !options.created_by.empty();
  if (shown && !chosen && options.sort.empty() && options.by == "stack") return {};
  return Error{ErrorKind::usage,
               "--tree goes with --format text or json, and with --limit, and nothing else"};
}

// False once nobody reads it.
bool print(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
}

void show(const WaitTreePage& page, DumpDetails& details, WaitTreeEncoder& encoder) {
  const WaitTree& tree = page.tree;
  if (!print(encoder.begin(page))) return;
  for (size_t root = 0; root < page.roots_shown; ++root) {
    size_t line = tree.roots[root].line;
    do {
      const WaitTree::Line& shown = tree.lines[line];
      const bool named =
          shown.kind == WaitTree::Kind::coroutine && shown.record != WaitTree::no_record;
      const DumpDetail names =
          named ? details.names_of(page.dump.records[shown.record]) : DumpDetail();
      if (!print(encoder.line(page, shown, names))) return;
    } while (++line < tree.lines.size() && tree.lines[line].depth > 0);
  }
  print(encoder.end(page, details.unread()));
}

}  // namespace

ExitCode run_dump_tree(const DumpOptions& options) {
  if (auto checked = check(options); !checked) return fail(checked.error());
  const auto pid = parse_pid(options.source);
  if (!pid) {
    return fail({ErrorKind::usage, "--tree needs a PID: who waits for whom is in no saved dump"});
  }
  ignore_broken_pipe();
  const auto observation = Observation::open(*pid);
  if (!observation) return fail(observation.error());
  WaitEdges waits;
  const auto dump = take_dump(**observation, [&](const Census& census) {
    waits = find_wait_edges((*observation)->target(), census);
  });
  if (!dump) return fail(dump.error());
  // Without the process, who waits for whom is known by halves.
  if (dump->gone) return fail((*observation)->process().gone());
  const WaitTree tree = build_wait_tree(*dump, std::move(waits.edges));
  const size_t most = options.limit > 0 ? options.limit : tree.roots.size();
  const WaitTreePage page{.dump = *dump,
                          .tree = tree,
                          .roots_shown = std::min(most, tree.roots.size()),
                          .moved = waits.moved};
  TargetDetails details((*observation)->target());
  const auto encoder = options.format == "json" ? json_wait_tree() : text_wait_tree();
  show(page, details, *encoder);
  return exit_ok;
}

}  // namespace coroscope
