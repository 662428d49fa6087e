// SPDX-License-Identifier: Apache-2.0
#include "loads.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace coroscope::accuracy {
namespace {

constexpr double most_spawns = 100'000;  // a second
constexpr double most_members = 200'000;
constexpr double a_minute = 60;
constexpr double an_hour = 3600;
constexpr double a_day = 86'400;

double now(const Series& series) {
  return static_cast<double>(series.second());
}

// A rate of births for that lifetime: up to the bounds, as often small as large.
double any_rate(Random& random, const Lifetime& lifetime) {
  const double most = std::min(most_spawns, most_members / std::max(1e-3, lifetime.mean()));
  return random.log_uniform(std::min(0.1, most / 10), most);
}

// All that start at some time take part of a day.
double any_start(Random& random) {
  return random.chance(0.5) ? random.uniform(0, a_minute) : random.uniform(0, a_day / 2);
}

class Churn final : public Load {
 public:
  Churn(double a_second, const Lifetime& lifetime) : a_second_(a_second), lifetime_(lifetime) {}
  void second(Series& series) override {
    series.born(series.random().poisson(a_second_), lifetime_);
  }
  std::string text() const override {
    return fmt::format("{:.3g}/s of {}", a_second_, lifetime_.text());
  }

 private:
  double a_second_;
  Lifetime lifetime_;
};

class Leak final : public Load {
 public:
  Leak(double a_second, uint64_t start) : a_second_(a_second), start_(start) {}
  void second(Series& series) override {
    if (series.second() < start_) return;
    series.born(series.random().poisson(a_second_), Lifetime::for_ever());
  }
  std::string text() const override {
    return fmt::format("leak of {:.3g}/s from {} s on", a_second_, start_);
  }

 private:
  double a_second_;
  uint64_t start_;
};

// So many that stay for ever are started in some time, at the same rate or slower and slower.
class Ramp final : public Load {
 public:
  explicit Ramp(Random& random)
      : start_(any_start(random)),
        length_(random.log_uniform(1, an_hour / 2)),
        members_(random.log_uniform(20, 1e5)) {}
  void second(Series& series) override {
    const double time = now(series);
    if (time < start_ || time >= start_ + length_) return;
    series.born(series.random().poisson(members_ / length_), Lifetime::for_ever());
  }
  std::string text() const override {
    return fmt::format("{:.0f} in {:.0f} s from {:.0f} s on", members_, length_, start_);
  }

 private:
  double start_, length_, members_;
};

class CacheFill final : public Load {
 public:
  explicit CacheFill(Random& random)
      : start_(any_start(random)),
        time_constant_(random.log_uniform(10, 0.7 * an_hour)),
        entries_(random.log_uniform(50, 1e5)) {}
  void second(Series& series) override {
    const double time = now(series) - start_;
    if (time < 0) return;
    const double rate = entries_ / time_constant_ * std::exp(-time / time_constant_);
    series.born(series.random().poisson(rate), Lifetime::for_ever());
  }
  std::string text() const override {
    return fmt::format("{:.0f} entries, time constant {:.0f} s, from {:.0f} s on", entries_,
                       time_constant_, start_);
  }

 private:
  double start_, time_constant_, entries_;
};

// Grows to the most that were ever wanted at once, and never shrinks.
class PoolGrowth final : public Load {
 public:
  explicit PoolGrowth(Random& random)
      : demand_(random.log_uniform(5, 1e4)),
        spread_(random.uniform(0.05, 1)),
        step_(random.log_uniform(demand_ / a_minute, demand_)) {}
  void second(Series& series) override {
    Random& random = series.random();
    // Demand of one second has to do with that of the second before.
    wanted_ = 0.99 * wanted_ + 0.14 * random.normal();
    const double demand = demand_ * std::exp(spread_ * wanted_);
    const double missing = std::ceil(demand) - static_cast<double>(size_);
    if (missing <= 0) return;
    const auto more = static_cast<uint64_t>(std::min(missing, std::ceil(step_)));
    size_ += more;
    series.born(more, Lifetime::for_ever());
  }
  std::string text() const override {
    return fmt::format("demand about {:.0f}, spread {:.2g}, {:.0f} a step", demand_, spread_,
                       step_);
  }

 private:
  double demand_, spread_, step_;
  double wanted_ = 0;
  uint64_t size_ = 0;
};

class DayAndNight final : public Load {
 public:
  explicit DayAndNight(Random& random)
      : lifetime_(Lifetime::any(random, 1e-3, 10 * a_minute)),
        a_second_(any_rate(random, lifetime_) / 2),
        swing_(random.uniform(0.2, 1)),
        phase_(random.uniform()) {}
  void second(Series& series) override {
    const double turn = 2 * std::numbers::pi * (now(series) / a_day + phase_);
    series.born(series.random().poisson(a_second_ * (1 + swing_ * std::sin(turn))), lifetime_);
  }
  std::string text() const override {
    return fmt::format("{:.3g}/s +- {:.0f}% of {}", a_second_, 100 * swing_, lifetime_.text());
  }

 private:
  Lifetime lifetime_;
  double a_second_, swing_, phase_;
};

class Bursts final : public Load {
 public:
  explicit Bursts(Random& random)
      : lifetime_(Lifetime::any(random, 1e-2, 10 * a_minute)),
        times_(random.log_uniform(2, 50)),
        a_second_(any_rate(random, lifetime_) / times_),
        length_(random.log_uniform(1, 10 * a_minute)),
        pause_(random.log_uniform(a_minute, 3 * an_hour)) {}
  void second(Series& series) override {
    const double time = now(series);
    if (time >= next_) {
      until_ = next_ + length_ * series.random().uniform(0.5, 1.5);
      next_ = until_ + pause_ * -std::log(series.random().uniform());
    }
    const double rate = time < until_ ? times_ * a_second_ : a_second_;
    series.born(series.random().poisson(rate), lifetime_);
  }
  std::string text() const override {
    return fmt::format("{:.3g}/s, {:.2g} times that for {:.0f} s each {:.0f} s, of {}", a_second_,
                       times_, length_, pause_, lifetime_.text());
  }

 private:
  Lifetime lifetime_;
  double times_, a_second_, length_, pause_;
  double next_ = 30;
  double until_ = 0;
};

// Collects until all leave at once.
class Sawtooth final : public Load {
 public:
  explicit Sawtooth(Random& random)
      : period_(random.log_uniform(10, 0.75 * an_hour)),
        a_second_(random.log_uniform(20 / period_, std::min(1000.0, most_members / period_))) {}
  void second(Series& series) override {
    if (now(series) >= next_) {
      series.all_leave();
      next_ += period_;
    }
    series.born(series.random().poisson(a_second_), Lifetime::for_ever());
  }
  std::string text() const override {
    return fmt::format("{:.3g}/s, all leave every {:.0f} s", a_second_, period_);
  }

 private:
  double period_, a_second_;
  double next_ = period_;
};

class BatchJobs final : public Load {
 public:
  explicit BatchJobs(Random& random)
      : period_(random.log_uniform(a_minute, 4 * an_hour)),
        members_(random.log_uniform(10, 5e4)),
        start_time_(random.log_uniform(1, a_minute)),
        lifetime_(Lifetime::any(random, 1, an_hour / 2)) {}
  void second(Series& series) override {
    const double time = std::fmod(now(series), period_);
    if (time < start_time_) {
      series.born(series.random().poisson(members_ / start_time_), lifetime_);
    }
  }
  std::string text() const override {
    return fmt::format("{:.0f} in {:.0f} s every {:.0f} s, of {}", members_, start_time_, period_,
                       lifetime_.text());
  }

 private:
  double period_, members_, start_time_;
  Lifetime lifetime_;
};

// Connections: all break at times, and come again.
class DeployRestart final : public Load {
 public:
  explicit DeployRestart(Random& random)
      : lifetime_(Lifetime::any(random, 10, 2 * an_hour)),
        members_(random.log_uniform(20, 5e4)),
        come_back_(random.log_uniform(1, 5 * a_minute)),
        pause_(random.log_uniform(10 * a_minute, 6 * an_hour)),
        next_(random.uniform(a_minute, pause_)),
        a_second_(members_ / lifetime_.mean()) {}
  void second(Series& series) override {
    const double time = now(series);
    if (time >= next_) {
      series.all_leave();
      broke_ = next_;
      next_ += pause_ * series.random().uniform(0.5, 1.5);
    }
    const bool comes_back = time < broke_ + come_back_;
    series.born(series.random().poisson(a_second_ + (comes_back ? members_ / come_back_ : 0)),
                lifetime_);
  }
  std::string text() const override {
    return fmt::format("{:.0f} break every {:.0f} s and come back in {:.0f} s, of {}", members_,
                       pause_, come_back_, lifetime_.text());
  }

 private:
  Lifetime lifetime_;
  double members_, come_back_, pause_, next_, a_second_;
  double broke_ = 0;
};

// Many are there from the start, and leave slowly.
class SlowDrain final : public Load {
 public:
  explicit SlowDrain(Random& random)
      : members_(random.log_uniform(100, most_members)),
        lifetime_(Lifetime::exponential(random.log_uniform(5 * a_minute, 6 * an_hour))),
        a_second_(random.uniform(0, 0.5) * members_ / lifetime_.mean()) {}
  void second(Series& series) override {
    if (series.second() == 0) series.born(static_cast<uint64_t>(members_), lifetime_);
    series.born(series.random().poisson(a_second_), lifetime_);
  }
  std::string text() const override {
    return fmt::format("{:.0f}, then {:.3g}/s, of {}", members_, a_second_, lifetime_.text());
  }

 private:
  double members_;
  Lifetime lifetime_;
  double a_second_;
};

std::unique_ptr<Load> heavy_tail(Random& random) {
  const Lifetime lifetime = Lifetime::heavy(random, 1e-2, 10 * a_minute);
  return std::make_unique<Churn>(any_rate(random, lifetime), lifetime);
}

template <class L>
std::unique_ptr<Load> make(Random& random) {
  return std::make_unique<L>(random);
}

}  // namespace

const std::vector<Kind>& healthy_kinds() {
  static const std::vector<Kind> kinds = {
      {"start-up ramp", make<Ramp>},     {"day and night", make<DayAndNight>},
      {"bursts", make<Bursts>},          {"sawtooth", make<Sawtooth>},
      {"batch jobs", make<BatchJobs>},   {"cache fill", make<CacheFill>},
      {"pool growth", make<PoolGrowth>}, {"deploy restart", make<DeployRestart>},
      {"slow drain", make<SlowDrain>},   {"heavy-tailed lifetimes", heavy_tail},
  };
  return kinds;
}

std::unique_ptr<Load> churn(double members, const Lifetime& lifetime) {
  return std::make_unique<Churn>(members / lifetime.mean(), lifetime);
}

std::unique_ptr<Load> leak(double a_second, uint64_t start) {
  return std::make_unique<Leak>(a_second, start);
}

}  // namespace coroscope::accuracy
