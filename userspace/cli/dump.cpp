// SPDX-License-Identifier: Apache-2.0
// coroscope dump: what each coroutine of a process does now, by census alone; or did
// when it was saved.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "cli/commands.h"
#include "cli/dump_source.h"
#include "cli/signals.h"
#include "export/dump.h"
#include "model/dump_query.h"
#include "util/duration.h"

namespace coroscope {
namespace {

Result<uint64_t> parse_age(const char* option, const std::string& text) {
  if (text.empty()) return uint64_t{0};
  const auto parsed = parse_duration(text);
  if (!parsed)
    return Error{ErrorKind::usage, fmt::format("{}: {}", option, parsed.error().message)};
  return static_cast<uint64_t>(parsed->count());
}

Result<std::optional<Pattern>> parse_pattern(const char* option, const std::string& text) {
  if (text.empty()) return std::optional<Pattern>();
  auto parsed = Pattern::parse(text);
  if (!parsed)
    return Error{ErrorKind::usage, fmt::format("{}: {}", option, parsed.error().message)};
  return std::optional<Pattern>(std::move(*parsed));
}

Result<void> parse_labels(const std::vector<std::string>& texts, DumpFilter& filter) {
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{ErrorKind::usage, fmt::format("--label: '{}' is not KEY=VALUE", text)};
    }
    filter.labels.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return {};
}

Result<DumpFilter> parse_filter(const DumpOptions& options) {
  DumpFilter filter;
  for (const Activity activity :
       {Activity::parked, Activity::running, Activity::runnable, Activity::syscall}) {
    for (const std::string& state : options.states) {
      if (state == activity_name(activity)) filter.states.push_back(activity);
    }
  }
  filter.reasons = options.reasons;
  const auto older = parse_age("--older-than", options.older_than);
  if (!older) return older.error();
  filter.older_than_ns = *older;
  const auto waited = parse_age("--waits-longer", options.waits_longer);
  if (!waited) return waited.error();
  filter.waited_ns = *waited;
  auto stack = parse_pattern("--stack", options.stack);
  if (!stack) return stack.error();
  auto top = parse_pattern("--top", options.top);
  if (!top) return top.error();
  auto created_by = parse_pattern("--created-by", options.created_by);
  if (!created_by) return created_by.error();
  filter.stack = std::move(*stack);
  filter.top = std::move(*top);
  filter.created_by = std::move(*created_by);
  if (auto labels = parse_labels(options.labels, filter); !labels) return labels.error();
  return filter;
}

Result<void> check(const DumpOptions& options) {
  if (options.format == "pprof" && isatty(STDOUT_FILENO)) {
    return Error{ErrorKind::usage,
                 "--format pprof is binary: redirect it to a file, as in > dump.pb.gz"};
  }
  if (options.by == "stack") return {};
  if (options.format == "folded" || options.format == "html") {
    return Error{
        ErrorKind::usage,
        fmt::format("--format {} counts stacks: it goes with --by stack only", options.format)};
  }
  if (options.sort == "count") {
    return Error{ErrorKind::usage, "--sort count sorts groups: it goes with --by stack only"};
  }
  return {};
}

// What was saved in groups knows of no single coroutine.
Result<void> check_saved(const Dump& dump, const DumpOptions& options, const DumpFilter& filter) {
  if (!dump.only_groups) return {};
  const char* asked = options.by == "coroutine"   ? "--by coroutine"
                      : filter.older_than_ns != 0 ? "--older-than"
                      : filter.waited_ns != 0     ? "--waits-longer"
                      : !filter.labels.empty()    ? "--label"
                                                  : nullptr;
  if (asked == nullptr) return {};
  return Error{ErrorKind::usage,
               fmt::format("{}: {} asks for single coroutines, but it was saved by stack; save it "
                           "with --by coroutine",
                           options.source, asked)};
}

std::unique_ptr<DumpEncoder> encoder_for(const std::string& format) {
  if (format == "json") return json_dump();
  if (format == "pprof") return pprof_dump();
  if (format == "html") return html_dump();
  return format == "folded" ? folded_dump() : text_dump();
}

DumpPage page_of(const Dump& dump, const DumpFilter& wanted, const DumpOptions& options,
                 DumpDetails& details) {
  DumpPage page{.dump = dump, .grouped = options.by == "stack", .filtered = !wanted.empty()};
  std::vector<uint32_t> records = filter(
      dump, wanted, [&details](const DumpRecord& record) { return details.names_of(record); });
  page.matched = records.size();
  if (page.grouped) {
    page.groups = group(dump, records, options.sort == "age" ? DumpSort::age : DumpSort::count);
    page.groups_matched = page.groups.size();
    if (options.limit > 0 && page.groups.size() > options.limit) page.groups.resize(options.limit);
  } else {
    sort_by_age(dump, records);
    if (options.limit > 0 && records.size() > options.limit) records.resize(options.limit);
    page.records = std::move(records);
  }
  return page;
}

// False once nobody reads it.
bool print(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
}

// Details are asked for one by one, so that a dump of millions needs no more memory.
void show(const DumpPage& page, DumpDetails& details, DumpEncoder& encoder) {
  const Dump& dump = page.dump;
  if (!print(encoder.begin(page))) return;
  for (const DumpGroup& group : page.groups) {
    const DumpDetail example = details.describe(dump, dump.records[group.example]);
    const ReportedNames named = details.count_names_of(dump, group.members);
    if (!print(encoder.group(page, group, example, named))) return;
  }
  for (const uint32_t index : page.records) {
    const DumpRecord& record = dump.records[index];
    if (!print(encoder.coroutine(page, record, details.describe(dump, record)))) return;
  }
  print(encoder.end(page, details.unread()));
}

}  // namespace

ExitCode run_dump(const DumpOptions& options) {
  if (options.tree) return run_dump_tree(options);
  if (auto checked = check(options); !checked) return fail(checked.error());
  const auto filter = parse_filter(options);
  if (!filter) return fail(filter.error());
  ignore_broken_pipe();
  // The other formats have no place for verdicts.
  const bool judged =
      options.by == "stack" && (options.format == "text" || options.format == "json");
  const auto opened = open_dump(options.source, judged);
  if (!opened) return fail(opened.error());
  const Dump& dump = opened->dump;
  if (auto checked = check_saved(dump, options, *filter); !checked) return fail(checked.error());
  DumpDetails& details = *opened->details;
  const DumpPage page = page_of(dump, *filter, options, details);
  show(page, details, *encoder_for(options.format));
  if (options.format == "folded" || options.format == "pprof") {
    fmt::print(stderr, "{}", dump_losses_text(page, details.unread()));
  }
  // What was read was read before.
  return opened->observation && dump.gone ? fail(opened->observation->process().gone()) : exit_ok;
}

}  // namespace coroscope
