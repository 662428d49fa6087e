// SPDX-License-Identifier: Apache-2.0
// What the tests promise, on series at the very edge of their hypotheses, and what the
// verdicts are worth on a few runs of each scenario. `accuracy` makes many.
#include <gtest/gtest.h>

#include "trial.h"

namespace coroscope::accuracy {
namespace {

constexpr uint64_t second_ns = 1'000'000'000;

// Looks, of so many, at which a test that is at the edge of its hypothesis exceeds x nats.
struct Edge {
  double looks = 0;
  double above = 0;
};

template <class Test, class Step>
void look(Test& test, Edge& edge, double nats, const Step& step) {
  step(test);
  edge.looks++;
  edge.above += test.check(0).nats > nats;
}

// As many arrivals as departures.
TEST(Promise, GrowthExceedsItsBoundAsSeldomAsItSays) {
  for (const double nats : {2.0, 4.0, 6.0}) {
    Edge edge;
    Random random(7);
    for (int series = 0; series < 400; ++series) {
      GrowthTest test;
      Flows flows(1);
      for (uint64_t tick = 1; tick <= 500; ++tick) {
        look(test, edge, nats, [&](GrowthTest& growth) {
          const uint64_t events = random.poisson(1.5);
          flows[0].came = static_cast<uint32_t>(random.binomial(events, 0.5));
          flows[0].left = static_cast<uint32_t>(events) - flows[0].came;
          growth.step(flows, (tick - 1) * second_ns, tick * second_ns);
        });
      }
    }
    // Three sums, each of which may.
    EXPECT_LE(edge.above / edge.looks, 3 * std::exp(-nats)) << nats;
    EXPECT_GT(edge.above, 0) << nats << ": a bound that is never reached is not tested";
  }
}

// Pareto lifetimes with the exponent of the hypothesis: a hazard of just k / age.
TEST(Promise, CohortExceedsItsBoundAsSeldomAsItSays) {
  const StayWeights weights(second_ns, CohortTest::doubling_exponent);
  const Lifetime edge_of_healthy = Lifetime::pareto(0.5, CohortTest::doubling_exponent);
  for (const double nats : {2.0, 4.0}) {
    Edge edge;
    for (uint64_t seed = 1; seed <= 200; ++seed) {
      Series series(seed);
      CohortTest test;
      Flows flows;
      for (int second = 0; second < 300; ++second) {
        series.born(series.random().poisson(2), edge_of_healthy);
        series.tick();
        look(test, edge, nats, [&](CohortTest& cohort) {
          flows_of(series.stays(), weights, flows);
          cohort.step(flows, 0);
        });
      }
    }
    EXPECT_LE(edge.above / edge.looks, 2 * std::exp(-nats)) << nats;
    EXPECT_GT(edge.above, 0) << nats;
  }
}

TEST(Promise, LeaksAmongTenThousandThatComeAndGoAreFoundInTime) {
  struct Asked {
    double a_second;
    uint64_t seconds;
  };
  // 1000/s is asked within 3 s, but before the first is older than those who leave, 5 s,
  // it is no different from lifetimes that got longer.
  for (const Asked asked : {Asked{1000, 7}, {100, 8}, {10, 15}, {1, 75}}) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      Loads loads;
      loads.push_back(churn(10'000, Lifetime::uniform(0, 5)));
      loads.push_back(leak(asked.a_second, 600));
      const Trial trial = run(loads, seed, 3600, 60);
      ASSERT_TRUE(trial.alarm) << asked.a_second << "/s";
      EXPECT_GT(*trial.alarm, 600u);
      EXPECT_LE(*trial.alarm, 600 + asked.seconds) << asked.a_second << "/s, seed " << seed;
      EXPECT_EQ(trial.judgement.ground, Ground::outlived);
    }
  }
}

TEST(Promise, TwoHoursOfEachHealthyLoadRaiseNoAlarm) {
  for (const Kind& kind : healthy_kinds()) {
    for (uint64_t seed = 100; seed < 102; ++seed) {
      Random random(seed);
      Loads loads;
      loads.push_back(kind.draw(random));
      const Trial trial = run(loads, seed, 2 * 3600, 1);
      EXPECT_FALSE(trial.alarm) << kind.name << ": " << loads[0]->text();
      EXPECT_GT(trial.looks, 7000u);
    }
  }
}

// Without the loads being what they say, nothing here means anything.
TEST(Series, HasAsManyMembersAsArrivalsAndLifetimesSay) {
  for (const Lifetime& lifetime :
       {Lifetime::uniform(0, 20), Lifetime::exponential(15), Lifetime::lognormal(20, 1),
        Lifetime::pareto(5, 2.2), Lifetime::weibull(20, 0.7)}) {
    Series series(3);
    double sum = 0;
    for (int second = 0; second < 4000; ++second) {
      series.born(series.random().poisson(20), lifetime);
      series.tick();
      if (second >= 2000) sum += static_cast<double>(series.live()) / 2000;
    }
    EXPECT_NEAR(sum, 20 * lifetime.mean(), 0.1 * 20 * lifetime.mean()) << lifetime.text();
  }
}

TEST(Series, ItsStaysAddUp) {
  Series series(5);
  uint64_t before = 0;
  for (int second = 0; second < 500; ++second) {
    series.born(series.random().poisson(30), Lifetime::lognormal(4, 1.5));
    if (second % 100 == 99) series.all_leave();
    series.tick();
    const Stays& stays = series.stays();
    uint64_t left = 0;
    uint64_t present = 0;
    for (const uint32_t members : stays.left) left += members;
    for (const uint32_t members : stays.present) present += members;
    EXPECT_EQ(present, series.live());
    EXPECT_EQ(present, before + stays.came() - left);
    before = present;
  }
}

}  // namespace
}  // namespace coroscope::accuracy
