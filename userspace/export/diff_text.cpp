// SPDX-License-Identifier: Apache-2.0
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "export/diff.h"
#include "export/dump.h"
#include "export/text_parts.h"
#include "util/text.h"

namespace coroscope {
namespace {

const char* title_of(DumpChange::Kind kind) {
  switch (kind) {
    case DumpChange::Kind::blocked:
      return "NEW AND BLOCKED";
    case DumpChange::Kind::more:
      return "NEW";
    case DumpChange::Kind::less:
      return "GONE";
  }
  return "";
}

// "2026-11-21 11:30:00 UTC"
std::string when(const Dump& dump) {
  if (dump.taken_unix_ns == 0) return "when is not known";
  return fmt::format("{:%F %T} UTC",
                     fmt::gmtime(static_cast<time_t>(dump.taken_unix_ns / 1'000'000'000)));
}

std::string one_side(const char* title, const Dump& dump) {
  return fmt::format("{:<7} {}  {}  ({})  {} {}\n", title, pid_text(dump.pid, dump.inner_pid),
                     shorten(dump.command, longest_command), when(dump), dump.live(),
                     dump.live() == 1 ? "coroutine" : "coroutines");
}

// "1.0 s to 30.0 s" of those who are new, or of all if that is not known.
std::string waits(const DumpDiff& diff, const DumpChange& change) {
  const auto& members = diff.same_process ? change.born : change.after;
  uint64_t shortest = UINT64_MAX;
  uint64_t longest = 0;
  for (const uint32_t index : members) {
    shortest = std::min(shortest, diff.after.records[index].wait_ns);
    longest = std::max(longest, diff.after.records[index].wait_ns);
  }
  if (members.empty()) return {};
  const std::string most = duration(longest);
  const std::string least = duration(shortest);
  return fmt::format("   waiting for {}", least == most ? most : least + " to " + most);
}

bool leaks(const Judgement* judgement) {
  return judgement != nullptr && judgement->verdict == Verdict::leak;
}

std::string grounds_of(const Judgement& judgement) {
  if (judgement.verdict == Verdict::steady) return "so few more may be by chance";
  const std::string grounds = format(judgement);
  return grounds.empty() ? why_no_fault(judgement) : grounds;
}

// "leak +4.2/s", or "grows +4.2/s" of what is no fault yet; and the grounds.
void add_verdict(Out out, const Judgement& judgement) {
  const bool grows = judgement.verdict == Verdict::warming_up;
  fmt::format_to(out, "  {:<12}{}\n", "verdict",
                 grows ? fmt::format("grows {:+.1f}/s", judgement.per_second) : summary(judgement));
  add_lines(out, "because", {grounds_of(judgement)});
}

void add_side_losses(std::string& text, const char* title, const Dump& dump) {
  const std::string losses = dump_losses_text({.dump = dump}, 0);
  for (size_t at = 0; at < losses.size();) {
    const size_t end = losses.find('\n', at) + 1;
    text.append(title).append(": ").append(losses, at, end - at);
    at = end;
  }
}

}  // namespace

std::string diff_text_begin(const DumpDiff& diff) {
  std::string text = one_side("before", diff.before) + one_side("after", diff.after);
  if (diff.same_process) {
    text += fmt::format("{} born, {} ended between them\n", diff.born, diff.ended);
  } else {
    text += "who was born and who ended is not known: compared by count, reason and stack\n";
  }
  if (diff.after.taken_unix_ns < diff.before.taken_unix_ns && diff.after.taken_unix_ns != 0) {
    text += "note  the second was taken before the first\n";
  }
  return text + "\n";
}

std::string diff_text_change(const DumpDiff& diff, const DumpChange& change,
                             const DiffExample& example, const Judgement* judgement) {
  std::string text;
  const Out out(text);
  fmt::format_to(out, "{}{}  {:+}  {}{}{}   {} before, {} after", leaks(judgement) ? "LEAK  " : "",
                 title_of(change.kind), change.growth(), change.reason,
                 example.detail.cause.empty() ? "" : ", ", example.detail.cause,
                 change.before.size(), change.after.size());
  if (diff.same_process) {
    fmt::format_to(out, " ({} born, {} ended)", change.born.size(), change.ended);
  }
  if (change.kind == DumpChange::Kind::blocked) text += waits(diff, change);
  text += "\n";
  if (judgement != nullptr) add_verdict(out, *judgement);
  add_stack(out, "parked at", change.parked->frames,
            change.activity == Activity::parked ? "(stack not read)" : "(it does not wait)");
  add_stack(out, "spawned at", change.spawned->frames, "(spawn stack not known)");
  if (example.id != 0) fmt::format_to(out, "  {:<12}coroutine {}\n", "for example", example.id);
  if (!example.detail.select_cases.empty()) add_cases(out, example.detail.select_cases);
  return text + "\n";
}

std::string diff_text_end(const DumpDiff& diff, const DiffVerdicts& verdicts,
                          const std::vector<IgnoredRow>& ignored) {
  std::string text;
  const Out out(text);
  if (diff.unchanged > 0) {
    text += fmt::format("{} {} of as many coroutines as before\n", diff.unchanged,
                        diff.unchanged == 1 ? "population is" : "populations are");
  }
  add_ignored(out, ignored);
  if (!verdicts.not_judged.empty()) {
    fmt::format_to(out, "no verdicts: {}\n", verdicts.not_judged);
  }
  for (const std::string& remark : verdicts.remarks) fmt::format_to(out, "note  {}\n", remark);
  add_side_losses(text, "before", diff.before);
  add_side_losses(text, "after", diff.after);
  const auto side = [](const Dump& dump) {
    return percent(dump.completeness(), dump.losses.total() == 0);
  };
  return text +
         fmt::format("completeness {}% before, {}% after\n", side(diff.before), side(diff.after));
}

}  // namespace coroscope
