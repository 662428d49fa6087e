// SPDX-License-Identifier: Apache-2.0
#include "detect/explain.h"

#include <fmt/format.h>

#include <cmath>

#include "util/duration.h"

namespace coroscope {
namespace {

struct Explained {
  const char* means;
  const char* found;
  const char* or_else;
  const char* to_do;
};

Explained explained(Verdict verdict) {
  switch (verdict) {
    case Verdict::leak:
      return {
          "It grows, and who came does not leave.",
          "Two tests agree on the members beyond some age: more come than leave, and nobody "
          "leaves. And either they outlive what this population has shown, having begun to at "
          "some time, or it has grown undiminished for as long as --patience.",
          "Members that are long-lived by design, of a kind that has just begun to come; or, on "
          "the ground of patience alone, a start-up, a pool or a cache that takes longer to fill.",
          "Look at where its members wait: what would end that wait, and who was to do it? If they "
          "are meant to stay, put them on the allow list (--ignore-file)."};
    case Verdict::stuck:
      return {"Its members wait for what can not happen any more.",
              "A nil channel, a select without cases, locks that wait for each other in a circle, "
              "a lock "
              "whose holder has ended, or who waits behind such a one.",
              "Nothing, if what was read is true: it was read twice.",
              "`coroscope dump PID --tree` shows who waits for whom."};
    case Verdict::busy:
      return {"A member runs without a wait or yield.",
              "It is running at each look, and nothing has happened to it in between.",
              "A long computation. Others wait for its worker meanwhile.",
              "Give it a yield, or do the work in coro::blocking."};
    case Verdict::starved:
      return {
          "A member could run, and is not run.",
          "It is runnable at each look, and nothing has happened to it in between.",
          "A machine that is overloaded: then all runnable ones are late, and none is for long.",
          "Look for who is busy: `coroscope stat PID` shows the workers."};
    case Verdict::backlog:
      return {"It grows, but its members leave: more come than are done with.",
              "Arrivals exceed departures, and departures go on.",
              "A leak of a few among many that come and go, for as long as these are as old.",
              "It is load, not a leak: more workers, or fewer requests."};
    case Verdict::plateau:
      return {
          "It grew, and does not any more.",
          "It has more members than when it was first seen, and for seven expected arrivals nobody "
          "came.",
          "A leak whose load has paused.",
          "Nothing: a start-up, a burst, a pool or a cache that is full."};
    case Verdict::warming_up:
      return {"It grows, and it is too soon to say more.",
              "The tests of a leak agree, or nearly so, but nothing tells it from a start-up, a "
              "pool or a "
              "cache yet.",
              "Any of these, or a leak.",
              "Watch on, or say how long a start-up takes here: --patience."};
    case Verdict::steady:
      return {"It does not grow.", "As many leave as come, or nobody does either.",
              "A leak that is too slow for the time that it was watched.", "Nothing."};
  }
  return {"", "", "", ""};
}

std::string chance(double nats) {
  return fmt::format("by chance less than once in 10^{:.0f} looks",
                     std::floor(nats / std::log(10.0)));
}

}  // namespace

std::string explain(Verdict verdict) {
  const Explained text = explained(verdict);
  return fmt::format("{}\n  means       {}\n  found by    {}\n  or else     {}\n  to do       {}\n",
                     verdict_name(verdict), text.means, text.found, text.or_else, text.to_do);
}

std::string explain(const Judgement& judgement) {
  const GrowthEvidence& growth = judgement.growth;
  const CohortEvidence& cohort = judgement.cohort;
  const uint64_t length = growth.until_ns - std::min(growth.since_ns, growth.until_ns);
  std::string text = fmt::format(
      "  about       members that have stayed for longer than {}: {} do now\n"
      "  growth      {} came and {} left in {}: {:.1f} nats, {:.1f} needed ({})\n"
      "  cohort      {} left, {:.1f} or more would have if they were healthy: {:.1f} nats, {:.1f} "
      "needed ({})\n",
      format_ns(judgement.beyond_ns), judgement.stayed, growth.came, growth.left, format_ns(length),
      growth.nats, judgement.nats_needed, chance(growth.nats), cohort.left, cohort.expected,
      cohort.nats, judgement.nats_needed, chance(cohort.nats));
  if (judgement.shown_left > 0) {
    text +=
        fmt::format("  shown       {} left while it was watched, which showed how long they stay\n",
                    judgement.shown_left);
  }
  const std::string ground = format(judgement);
  if (!ground.empty()) text += fmt::format("  because     {}\n", ground);
  return text;
}

}  // namespace coroscope
