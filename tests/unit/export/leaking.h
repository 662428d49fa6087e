// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "detect/report.h"

namespace coroscope::testing {

// A report on a process with one leak.
inline TargetReport leaking() {
  TargetReport report;
  report.pid = 4711;
  report.command = "order_server --port 0";
  report.runtime = "coro 1.0";
  report.workers = 2;
  report.watched_ns = 12'000'000'000;
  report.censuses = 13;
  report.populations = 3;
  report.judged = true;
  report.account.baseline = 1203;
  report.account.spawned = 100;
  report.account.exited = 50;
  report.account.live = 1253;
  StackBalance row;
  row.spawn_stack = 3;
  row.live = 1253;
  row.events.parks = 2;
  row.events.park_ns_log2[10] = 2;
  report.account.stacks.push_back(row);

  ReportedFinding finding;
  Judgement& judgement = finding.judgement;
  judgement.verdict = Verdict::leak;
  judgement.ground = Ground::patience;
  judgement.patience_ns = 5'000'000'000;
  judgement.first_live = 1904;
  judgement.last_live = judgement.stayed = 3104;
  judgement.watched_ns = 12'000'000'000;
  judgement.per_second = 100;
  judgement.nats_needed = 28;
  judgement.growth = {.nats = 400, .since_ns = 1, .came = 1200, .until_ns = 12'000'000'001};
  judgement.cohort = {.nats = 90, .expected = 91};
  finding.reason = "chan send";
  finding.cause = "no receiver";
  finding.live = 3104;
  finding.joined = 3104;
  finding.oldest_wait_ns = 31'000'000'000;
  finding.oldest_age_ns = 31'000'000'000;
  finding.parked_at = {{"coro::Channel<>::send", "/src/channel.h", 9, 0x10, false, true},
                       {"query_backend", "/src/server.cpp", 57, 0x20, false, false},
                       {"query_all::$_0", "/src/server.cpp", 81, 0x30, true, false}};
  finding.spawned_at = {{"query_all", "/src/server.cpp", 79, 0x40, false, false},
                        {"libx.so+0x1234", "", 0, 0x50, false, false}};
  report.findings.push_back(finding);
  return report;
}

}  // namespace coroscope::testing
