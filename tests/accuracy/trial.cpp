// SPDX-License-Identifier: Apache-2.0
#include "trial.h"

namespace coroscope::accuracy {
namespace {

constexpr uint64_t second_ns = 1'000'000'000;
constexpr uint64_t began_ns = second_ns;  // 0 would be "not known"

uint64_t time_ns(uint64_t seconds) {
  return began_ns + seconds * second_ns;
}

}  // namespace

Trial run(const Loads& loads, uint64_t seed, uint64_t seconds, uint64_t attach) {
  static const StayWeights weights(second_ns, CohortTest::doubling_exponent);
  Series series(seed);
  Flows flows;
  std::optional<GroupJudge> judge;
  Look look;
  look.process_ns = began_ns;
  look.weights = &weights;
  look.nats_needed = nats_needed(JudgeRules{}, 86'400, groups_beside);
  Trial trial;
  while (series.second() < attach + seconds) {
    for (const auto& load : loads) load->second(series);
    series.tick();
    if (series.second() < attach) continue;
    look.before_ns = look.time_ns;
    look.time_ns = time_ns(series.second());
    trial.looks++;
    if (!judge) {
      if (series.live() >= 4) judge.emplace(look.time_ns, series.live(), trial.looks == 1);
      continue;
    }
    judge->step(series.stays(), look, flows);
    Judgement judgement = judge->judge(series.stays(), look, default_patience_ns);
    if (judgement.verdict != Verdict::leak) continue;
    trial.alarm = series.second();
    trial.judgement = judgement;
    break;
  }
  return trial;
}

}  // namespace coroscope::accuracy
