// SPDX-License-Identifier: Apache-2.0
#include "detect/diff_verdicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "detect/withheld.h"
#include "util/duration.h"

namespace coroscope {
namespace {

// What comes and goes meanwhile is not seen, so nothing is said of less.
constexpr uint64_t least_interval_ns = 1'000'000'000;

// Why two dumps do not allow a verdict; empty if they do.
std::string why_not(const DumpDiff& diff) {
  const Dump& before = diff.before;
  const Dump& after = diff.after;
  if (before.only_groups || after.only_groups) {
    return "a dump that was saved by stack knows no single coroutine: save it with --by coroutine";
  }
  if (!diff.same_process) return "the two are not known to be of one process";
  if (before.left_out + after.left_out > 0) {
    return "filters or --limit kept coroutines out of a file: who is not in it may be there";
  }
  if (before.taken_unix_ns == 0 || after.taken_unix_ns == 0)
    return "when they were taken is not known";
  if (after.taken_unix_ns < before.taken_unix_ns) return "the second was taken before the first";
  if (after.taken_unix_ns - before.taken_unix_ns < least_interval_ns) {
    return "the two are less than a second apart";
  }
  if (std::min(before.completeness(), after.completeness()) < default_completeness_floor) {
    return fmt::format("a verdict needs {:g}% of all coroutines in both",
                       100 * default_completeness_floor);
  }
  return {};
}

// TwoLooks is what is the same for all changes.
struct TwoLooks {
  Look look;
  uint64_t interval_ns = 0;
  uint64_t patience_ns = 0;
};

struct Between {
  Stays stays;
  uint64_t quiet_ns = 0;  // since the last one came
};

// Meeting compares who was at a place with who is.
class Meeting {
 public:
  Meeting(const DumpDiff& diff, const DumpChange& change, uint64_t interval_ns)
      : diff_(diff), change_(change), interval_ns_(interval_ns) {
    for (const uint32_t index : change.before) {
      const DumpRecord& record = diff.before.records[index];
      there_.emplace(record.id, &record);
    }
    by_birth_ = wake_again_and_again();
  }

  // Who is there at both looks has stayed in between, whatever wait he is in; who was not
  // there before came since.
  Between compare() {
    Between between{.stays = {}, .quiet_ns = interval_ns_};
    Stays& stays = between.stays;
    for (const auto& [id, record] : there_) add_age(stays.before, age_bin(stay_of(*record)));
    for (const uint32_t index : change_.after) {
      const DumpRecord& record = diff_.after.records[index];
      uint64_t stay = std::min(stay_of(record), interval_ns_);
      if (const auto found = there_.find(record.id); found != there_.end()) {
        stay = std::max(stay_of(record), stay_of(*found->second) + interval_ns_);
        there_.erase(found);
      } else {
        between.quiet_ns = std::min(between.quiet_ns, stay);
      }
      add_age(stays.present, age_bin(stay));
    }
    for (const auto& [id, record] : there_) add_age(stays.left, age_bin(stay_of(*record)));
    return between;
  }

 private:
  // Who stays does so in one wait after the other: how long this one is says nothing then
  // about how long anybody has been there, and the age is the best that is known.
  bool wake_again_and_again() const {
    uint64_t stayed = 0;
    uint64_t woke = 0;
    for (const uint32_t index : change_.after) {
      const DumpRecord& record = diff_.after.records[index];
      if (!there_.contains(record.id)) continue;
      stayed++;
      woke += record.wait_ns < interval_ns_;
    }
    return 2 * woke > stayed;
  }
  uint64_t stay_of(const DumpRecord& record) const {
    return record.activity == Activity::parked && !by_birth_ ? record.wait_ns : record.age_ns;
  }

  const DumpDiff& diff_;
  const DumpChange& change_;
  uint64_t interval_ns_;
  std::unordered_map<uint64_t, const DumpRecord*> there_;  // by id; in the end, who left
  bool by_birth_ = false;
};

// That nobody came to the last of many looks tells a watch that a growth is over. Of two looks
// those who came tell when they did. A burst a moment ago may be followed by the next.
void tell_whether_over(const Between& between, const TwoLooks& two, Judgement& judgement) {
  if (judgement.verdict == Verdict::leak || judgement.verdict == Verdict::steady) return;
  GrowthEvidence growth = judgement.growth;
  growth.last_came_ns = growth.until_ns - std::min(between.quiet_ns, growth.until_ns);
  const bool over = between.quiet_ns >= two.interval_ns / 8 && growth.has_stopped();
  if (over) {
    judgement.verdict = Verdict::plateau;
  } else if (judgement.verdict == Verdict::plateau) {
    judgement.verdict = growth.left > 0 ? Verdict::backlog : Verdict::warming_up;
  }
}

Judgement judge_change(const DumpDiff& diff, const DumpChange& change, const TwoLooks& two) {
  const Between between = Meeting(diff, change, two.interval_ns).compare();
  GroupJudge judge(two.look.before_ns, change.before.size(), true);
  Flows flows;
  judge.step(between.stays, two.look, flows);
  Judgement judgement = judge.judge(between.stays, two.look, two.patience_ns);
  tell_whether_over(between, two, judgement);
  return judgement;
}

void add_remarks(const TwoLooks& two, DiffVerdicts& verdicts) {
  const bool by_patience = std::any_of(verdicts.of.begin(), verdicts.of.end(), [](const auto& one) {
    return one && one->ground == Ground::patience;
  });
  if (!by_patience || two.patience_ns >= default_patience_ns) return;
  verdicts.remarks.push_back(fmt::format(
      "a population that grows at the same rate for {} is called a leak here; a start-up, a pool "
      "or a cache that takes longer to fill looks the same: compare dumps that are further apart",
      format_ns(two.patience_ns)));
}

}  // namespace

DiffVerdicts judge(const DumpDiff& diff, const JudgeRules& rules) {
  DiffVerdicts verdicts;
  verdicts.of.resize(diff.changes.size());
  const bool any = std::any_of(diff.changes.begin(), diff.changes.end(),
                               [](const DumpChange& change) { return change.growth() > 0; });
  if (!any) return verdicts;
  verdicts.not_judged = why_not(diff);
  if (!verdicts.not_judged.empty()) return verdicts;

  const uint64_t now = diff.after.taken_unix_ns;
  TwoLooks two;
  two.interval_ns = now - diff.before.taken_unix_ns;
  two.patience_ns = patience_for(two.interval_ns);
  const StayWeights weights(two.interval_ns, CohortTest::doubling_exponent);
  two.look.time_ns = now;
  two.look.before_ns = diff.before.taken_unix_ns;
  const uint64_t uptime = diff.after.uptime_ns;
  two.look.process_ns = uptime > 0 && uptime < now ? now - uptime : 0;
  two.look.nats_needed =
      nats_needed(rules, 1, static_cast<double>(diff.changes.size() + diff.unchanged));
  two.look.weights = &weights;
  for (size_t i = 0; i < diff.changes.size(); ++i) {
    if (diff.changes[i].growth() <= 0) continue;
    verdicts.of[i] = judge_change(diff, diff.changes[i], two);
  }
  add_remarks(two, verdicts);
  return verdicts;
}

}  // namespace coroscope
