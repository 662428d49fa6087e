// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <map>

#include "detect/verdict.h"
#include "model/losses_by_cause.h"
#include "model/vitals.h"

namespace coroscope::daemon {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Families collects samples by the name of their metric, in the order in which the names came.
class Families {
 public:
  void gauge(const char* name, const char* help, const Labels& labels, double value) {
    add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
  }
  void counter(const char* name, const char* help, const Labels& labels, double value) {
    add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
  }
  prometheus::ClientMetric::Histogram& histogram(const char* name, const char* help,
                                                 const Labels& labels) {
    return add(name, help, prometheus::MetricType::Histogram, labels).histogram;
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  prometheus::ClientMetric& add(const char* name, const char* help, prometheus::MetricType type,
                                const Labels& labels) {
    const auto [found, added] = places_.emplace(name, families_.size());
    if (added) families_.push_back({name, help, type, {}});
    prometheus::ClientMetric& metric = families_[found->second].metric.emplace_back();
    for (const auto& [key, value] : labels) metric.label.push_back({key, value});
    return metric;
  }

  std::vector<prometheus::MetricFamily> families_;
  std::map<std::string, size_t> places_;
};

Labels with(const Labels& labels, Labels more) {
  more.insert(more.begin(), labels.begin(), labels.end());
  return more;
}

double seconds(uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

// Buckets of 2^10 ns (1 us), 2^12, ... 2^38 ns (275 s).
void add_parks(Families& families, const Labels& labels, const StackCounters& events) {
  constexpr uint32_t first = 10, last = 38, step = 2;
  auto& histogram = families.histogram("coroscope_park_duration_seconds",
                                       "How long waits took that have ended.", labels);
  uint64_t below = 0;
  uint32_t bucket = 0;
  for (uint32_t bound = first; bound <= last; bound += step) {
    for (; bucket < bound; ++bucket) below += events.park_ns_log2[bucket];
    histogram.bucket.push_back({below, seconds(uint64_t{1} << bound)});
  }
  for (; bucket < events.park_ns_log2.size(); ++bucket) below += events.park_ns_log2[bucket];
  histogram.bucket.push_back({below, std::numeric_limits<double>::infinity()});
  histogram.sample_count = below;
  histogram.sample_sum = seconds(events.parked_ns);
}

void add_schedulers(Families& families, const Labels& labels, const Schedulers& schedulers) {
  const SchedulerSums sums = sum_of(schedulers);
  const auto gauge = [&](const char* name, const char* help, uint64_t value) {
    families.gauge(name, help, labels, static_cast<double>(value));
  };
  gauge("coroscope_scheduler_workers", "Workers of all schedulers.", sums.workers);
  gauge("coroscope_scheduler_idle_workers", "Workers without work.", sums.idle);
  gauge("coroscope_scheduler_threads", "Threads that run coroutines or wait to.", sums.threads);
  gauge("coroscope_scheduler_queued", "Coroutines in the global queues.", sums.queued);
  gauge("coroscope_scheduler_timers", "Timers that are armed.", sums.timers);
  gauge("coroscope_scheduler_blocking", "Coroutines in blocking calls.", sums.blocking);
  uint64_t dispatches = 0, steals = 0;
  for (const SchedulerFigures& one : schedulers.running) {
    for (const auto& worker : one.workers) {
      dispatches += worker.dispatches;
      steals += worker.steals;
    }
  }
  families.counter("coroscope_scheduler_dispatches_total",
                   "Coroutines that workers of running schedulers continued.", labels,
                   static_cast<double>(dispatches));
  families.counter("coroscope_scheduler_steals_total",
                   "Times that workers of running schedulers took coroutines from each other.",
                   labels, static_cast<double>(steals));
}

void add_account(Families& families, const Labels& labels, const Account& account) {
  families.gauge("coroscope_coroutines", "Coroutines that are alive.", labels,
                 static_cast<double>(account.live));
  families.gauge("coroscope_coroutines_parked", "Coroutines that wait.", labels,
                 static_cast<double>(account.parked));
  families.counter("coroscope_spawns_total", "Coroutines born since the process is watched.",
                   labels, static_cast<double>(account.spawned));
  families.counter("coroscope_exits_total", "Coroutines ended since the process is watched.",
                   labels, static_cast<double>(account.exited));
  families.gauge("coroscope_completeness_ratio",
                 "Share of coroutines and events that are accounted for; 1 only if all are.",
                 labels, account.completeness());
  std::vector<LossByCause> losses = losses_by_cause(account.losses);
  losses.push_back({"census_at_attach", account.losses.census.total()});
  losses.push_back({"census", account.losses.latest.total()});
  for (const LossByCause& loss : losses) {
    families.gauge("coroscope_losses", "What could not be accounted for, by cause.",
                   with(labels, {{"cause", std::string(loss.cause)}}),
                   static_cast<double>(loss.count));
  }
}

void add_history(Families& families, const HistoryFigures& history) {
  families.gauge("coroscope_daemon_history_works", "Whether the history was written to last time.",
                 {}, history.works ? 1 : 0);
  families.counter("coroscope_daemon_history_written_total", "Batches of samples written.", {},
                   static_cast<double>(history.written));
  families.counter("coroscope_daemon_history_lost_total",
                   "Batches of samples that could not be written: gaps of the history.", {},
                   static_cast<double>(history.lost));
  families.counter("coroscope_daemon_history_events_lost_total",
                   "Lifecycle events that the history had no room for.", {},
                   static_cast<double>(history.events_lost));
  families.gauge("coroscope_daemon_history_bytes", "What the history takes of its disk.", {},
                 static_cast<double>(history.bytes));
}

void add_verdicts(Families& families, const Labels& labels, const TargetReport& report) {
  std::map<Verdict, uint64_t> counts = {
      {Verdict::leak, 0}, {Verdict::stuck, 0}, {Verdict::busy, 0}, {Verdict::starved, 0}};
  std::map<Verdict, double> members = {};
  if (!report.withheld()) {
    for (const ReportedFinding& finding : report.findings) {
      if (!is_fault(finding.judgement.verdict)) continue;
      ++counts[finding.judgement.verdict];
      members[finding.judgement.verdict] += static_cast<double>(finding.live);
    }
  }
  for (const auto& [verdict, count] : counts) {
    const Labels of = with(labels, {{"verdict", std::string(verdict_name(verdict))}});
    families.gauge("coroscope_faults", "Populations with this verdict.", of,
                   static_cast<double>(count));
    families.gauge("coroscope_fault_coroutines", "Coroutines of populations with this verdict.", of,
                   members[verdict]);
  }
  families.gauge("coroscope_verdicts_withheld",
                 "1 if too much was lost for verdicts to be trusted.", labels, report.withheld());
}

void add_stack(Families& families, const Labels& labels, const StackView& stack) {
  const Labels of = with(labels, {{"stack", stack.id}});
  families.gauge("coroscope_stack_coroutines",
                 "Coroutines alive by where they were born; /api/v1/stacks/ID says where that is.",
                 of, static_cast<double>(stack.live));
  families.counter("coroscope_stack_spawns_total", "Coroutines born there, while watched.", of,
                   static_cast<double>(stack.events.spawned));
  families.counter("coroscope_stack_exits_total",
                   "Coroutines born there that ended, while watched.", of,
                   static_cast<double>(stack.events.exited));
}

void add_process(Families& families, const ProcessView& process) {
  const Labels labels = {{"pid", std::to_string(process.pid)}, {"service", process.service.name}};
  families.gauge("coroscope_process_info", "What is known of a process.",
                 with(labels, {{"service_id", process.service.id},
                               {"command", process.facts.name},
                               {"user", process.facts.user},
                               {"cgroup", process.facts.cgroup},
                               {"container", process.facts.container},
                               {"build_id", process.build_id},
                               {"runtime", process.report.runtime},
                               {"probes", std::string(name_of(process.report.account.mode))}}),
                 1);
  add_account(families, labels, process.report.account);
  for (const StateCount& state : process.states) {
    families.gauge(
        "coroscope_coroutines_by_state", "Coroutines alive, by what they do and wait for.",
        with(labels, {{"state", activity_name(state.activity)}, {"reason", state.reason}}),
        static_cast<double>(state.coroutines));
  }
  if (tells_parks(process.report.account.mode)) add_parks(families, labels, process.events);
  if (process.schedulers) add_schedulers(families, labels, *process.schedulers);
  add_verdicts(families, labels, process.report);
  for (const StackView& stack : process.stacks) add_stack(families, labels, stack);
  add_stack(families, labels, process.other_stacks);
}

void add_webhook(Families& families, const Webhook::Figures& webhook) {
  const auto counter = [&](const char* name, const char* help, uint64_t value) {
    families.counter(name, help, {}, static_cast<double>(value));
  };
  counter("coroscope_webhook_sent_total", "Verdicts that arrived there.", webhook.sent);
  counter("coroscope_webhook_failed_total", "Tries that did not.", webhook.failed);
  counter("coroscope_webhook_refused_total", "Verdicts that were refused there.", webhook.refused);
  counter("coroscope_webhook_dropped_total", "Verdicts dropped because too many waited.",
          webhook.dropped);
  families.gauge("coroscope_webhook_waiting", "Verdicts that wait to be sent.", {},
                 static_cast<double>(webhook.waiting));
}

void add_push(Families& families, const Pusher::Figures& push) {
  const auto counter = [&](const char* name, const char* help, double value) {
    families.counter(name, help, {}, value);
  };
  const auto count = [](uint64_t value) { return static_cast<double>(value); };
  counter("coroscope_push_sent_total", "Profiles that arrived where they are sent.",
          count(push.sent));
  counter("coroscope_push_failed_total", "Profiles that did not.", count(push.failed));
  counter("coroscope_push_refused_total", "Profiles that were refused there.", count(push.refused));
  counter("coroscope_push_untaken_total", "Profiles of processes that could not be looked at.",
          count(push.untaken));
  counter("coroscope_push_cpu_seconds_total", "Time of a processor that making them took.",
          seconds(push.taking_ns));
}

void add_own(Families& families, const HostView& view) {
  const OwnCost& own = view.own;
  families.gauge("coroscope_processes", "Processes that are watched.", {},
                 static_cast<double>(view.processes.size()));
  families.gauge("coroscope_processes_unwatched",
                 "Processes with coroutines that could not be watched.", {},
                 static_cast<double>(view.unwatched.size()));
  families.counter("coroscope_attached_total", "Processes that were attached to.", {},
                   static_cast<double>(view.attached));
  families.counter("coroscope_detached_total", "Processes that were let go.", {},
                   static_cast<double>(view.let_go));
  families.counter("coroscope_scans_total", "Looks for new processes.", {},
                   static_cast<double>(view.scans));
  families.counter("coroscope_looks_total", "Looks at processes.", {},
                   static_cast<double>(own.looks));
  families.counter("coroscope_look_cpu_seconds_total", "Time of a processor that these took.", {},
                   seconds(own.look_ns));
  families.counter("coroscope_events_lost_total", "Lifecycle events that could not be written.", {},
                   static_cast<double>(own.events_lost));
  if (own.webhook) add_webhook(families, *own.webhook);
  if (own.history) add_history(families, *own.history);
  if (own.push) add_push(families, *own.push);
  families.gauge("coroscope_last_look_timestamp_seconds", "When the daemon looked last.", {},
                 seconds(view.unix_ns));
  families.counter("process_cpu_seconds_total", "Time of a processor that the daemon took.", {},
                   seconds(own.cpu_ns));
  families.gauge("process_resident_memory_bytes", "Memory that the daemon has resident.", {},
                 static_cast<double>(own.resident_bytes));
  families.gauge("process_open_fds", "Descriptors that the daemon has open.", {},
                 static_cast<double>(own.descriptors));
  families.gauge("process_start_time_seconds", "When the daemon began.", {},
                 seconds(view.started_unix_ns));
}

}  // namespace

std::string metrics_text(const HostView& view) {
  Families families;
  add_own(families, view);
  for (const auto& process : view.processes) add_process(families, *process);
  return families.text();
}

}  // namespace coroscope::daemon
