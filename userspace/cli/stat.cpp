// SPDX-License-Identifier: Apache-2.0
// coroscope stat: the vitals of a process, a line an interval, by census alone.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <limits>

#include "cli/commands.h"
#include "cli/pause.h"
#include "cli/pid.h"
#include "cli/signals.h"
#include "export/vitals.h"
#include "observe/vitals_reader.h"
#include "util/clock.h"
#include "util/duration.h"

namespace coroscope {
namespace {

// With its scheduler line each row takes two: a header on each screen.
constexpr uint64_t rows_of_a_header = 10;

struct Looks {
  uint64_t interval_ns = 0;
  uint64_t length_ns = std::numeric_limits<uint64_t>::max();
  uint64_t most = std::numeric_limits<uint64_t>::max();
};

Result<Looks> parse_looks(const StatOptions& options) {
  Looks looks;
  const auto interval = parse_interval(options.interval);
  if (!interval) return interval.error();
  looks.interval_ns = *interval;
  if (!options.duration.empty()) {
    const auto length = parse_duration(options.duration);
    if (!length) return Error{ErrorKind::usage, "--for: " + length.error().message};
    looks.length_ns = static_cast<uint64_t>(length->count());
  }
  if (options.count > 0) looks.most = options.count;
  return looks;
}

// Stat is one run of the command once everything is open.
class Stat {
 public:
  Stat(VitalsReader& reader, bool json) : reader_(reader), json_(json) {}

  // Looks and prints; error: target_gone.
  Result<void> look();
  // False once nobody reads it.
  bool wanted() const { return wanted_; }
  uint64_t looks() const { return looks_; }

 private:
  VitalsReader& reader_;
  bool json_;
  bool wanted_ = true;
  uint64_t looks_ = 0;
  uint64_t first_ns_ = 0;
  VitalsSample before_;
};

Result<void> Stat::look() {
  auto sample = reader_.take();
  if (!sample) return sample.error();
  if (looks_ == 0) first_ns_ = sample->at_ns;
  VitalsRecord record{.pid = reader_.process().pid(),
                      .inner_pid = reader_.process().inner_pid(),
                      .runtime = reader_.target().runtime(),
                      .elapsed_ns = sample->at_ns - first_ns_,
                      .other_copies = reader_.target().other_copies(),
                      .sample = std::move(*sample),
                      .vitals = {}};
  record.vitals = vitals_of(looks_ == 0 ? nullptr : &before_, record.sample);
  std::string text = json_ ? vitals_json(record) : vitals_text(record);
  if (!json_ && looks_ % rows_of_a_header == 0) text = vitals_header() + text;
  wanted_ =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  before_ = std::move(record.sample);
  looks_++;
  return {};
}

ExitCode follow(Stat& stat, const Looks& looks, const Fd& signals, int pidfd) {
  const uint64_t started = monotonic_ns();
  const uint64_t end =
      started + std::min(looks.length_ns, std::numeric_limits<uint64_t>::max() - started);
  for (uint64_t next = started;; next = next_look(next, looks.interval_ns)) {
    if (next > end) return exit_ok;
    if (pause_until(next, signals, {&pidfd, 1}) == Woken::by_signal) return exit_ok;
    if (auto looked = stat.look(); !looked) return fail(looked.error());
    if (!stat.wanted() || stat.looks() == looks.most) return exit_ok;
  }
}

}  // namespace

ExitCode run_stat(const StatOptions& options) {
  const auto looks = parse_looks(options);
  if (!looks) return fail(looks.error());
  const auto pid = parse_pid(options.pid);
  if (!pid) return fail(pid.error());
  ignore_broken_pipe();
  const auto reader = VitalsReader::open(*pid);
  if (!reader) return fail(reader.error());
  const auto signals = catch_termination();
  if (!signals) return fail(signals.error());
  if (const uint32_t others = (*reader)->target().other_copies(); others > 0 && !options.json) {
    fmt::print(stderr, "note  {} further copies of the runtime in this process are not looked at\n",
               others);
  }
  if (const Process& process = (*reader)->process(); process.inner_pid() != 0 && !options.json) {
    fmt::print(stderr, "note  {} is in a PID namespace of its own\n", process.describe());
  }
  Stat stat(**reader, options.json);
  return follow(stat, *looks, *signals, (*reader)->process().pidfd());
}

}  // namespace coroscope
