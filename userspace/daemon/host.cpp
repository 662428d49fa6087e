// SPDX-License-Identifier: Apache-2.0
#include "daemon/host.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "util/clock.h"
#include "util/log.h"

namespace coroscope::daemon {
namespace {

// Of a processor, for looks at the memory of all processes together: with what else there is to do
// for a million coroutines it makes less than 3% (tests/bench/daemon_cost.py).
constexpr double share_of_all = 0.017;

// All looks together take a tenth of a processor at most: who takes long is looked at less often.
constexpr uint64_t rest_for_each_ns = 10;

// Processes whose debug information may stay for a while; of 4 MB and more each.
constexpr ptrdiff_t most_awake = 8;

// When to try again with a process that could not be watched.
constexpr uint64_t retry_ns = 60'000'000'000;

OwnCost own_cost() {
  OwnCost cost;
  const auto ns = [](const timeval& time) {
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<uint64_t>(time.tv_usec) * 1000;
  };
  // Children take probes out.
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    ::getrusage(who, &usage);
    cost.cpu_ns += ns(usage.ru_utime) + ns(usage.ru_stime);
  }
  std::string text;
  if (read_text_file("/proc/self/stat", &text, 4096)) {
    if (const auto stat = parse_stat(text)) {
      cost.resident_bytes = stat->resident_pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    }
  }
  cost.descriptors = list_numbers("/proc/self/fd").size();
  return cost;
}

}  // namespace

Host::Host(Config config, std::vector<IgnoreRule> ignored, EventLog events, Published& published)
    : config_(std::move(config)),
      ignored_(std::move(ignored)),
      log_(std::move(events)),
      published_(published),
      started_unix_ns_(unix_ns()) {
  start_webhook();
  if (!config_.history.empty()) {
    historian_ = std::make_unique<Historian>(config_.history, config_.history_limits);
  }
  start_push();
}

Host::~Host() = default;

void Host::tell(std::string line, const ProcessView* process) {
  if (historian_) historian_->note(process, line);
  events_.push_back(std::move(line));
}

// Its address was checked with the config.
void Host::start_webhook() {
  webhook_.reset();
  if (config_.webhook.empty()) return;
  if (auto started = Webhook::start(config_.webhook)) webhook_ = std::move(*started);
}

void Host::start_push() {
  pusher_.reset();
  if (config_.push.url.empty()) return;
  const Published& published = published_;
  auto started = Pusher::start(config_.push, [&published] { return published.get(); });
  if (started) pusher_ = std::move(*started);
}

// The first one that is needed loads the programs: a host without BPF can do census.
Result<std::shared_ptr<KernelCounters>> Host::kernel() {
  if (kernel_) return kernel_;
  auto loaded = KernelCounters::load({});
  if (!loaded) return loaded.error();
  kernel_ = std::make_shared<KernelCounters>(std::move(*loaded));
  return kernel_;
}

void Host::note_unwatched(Unwatched unwatched, uint64_t now_ns) {
  const pid_t pid = unwatched.pid;
  discovery_.again(pid, now_ns, retry_ns);
  const auto known = unwatched_.find(pid);
  if (known == unwatched_.end() || known->second.why != unwatched.why) {
    tell(lost_line(unwatched, unix_ns()));
  }
  unwatched_[pid] = std::move(unwatched);
}

void Host::attach(const Process& process, const ProcessFacts& facts, const MatchRule* rule,
                  uint64_t now_ns) {
  const auto mode = rule != nullptr && rule->probes ? rule->probes : config_.probes;
  std::shared_ptr<KernelCounters> counters;
  if (mode != ProbeMode::census) {
    auto loaded = kernel();
    if (!loaded) {
      note_unwatched({process.pid(), facts.command_line, loaded.error().message}, now_ns);
      return;
    }
    counters = *loaded;
  }
  auto watched = Watched::attach(process.pid(), facts, config_, rule, ignored_, counters);
  if (!watched) {
    if (watched.error().kind == ErrorKind::target_gone) return;
    note_unwatched({process.pid(), facts.command_line, watched.error().message}, now_ns);
    return;
  }
  unwatched_.erase(process.pid());
  ++attached_;
  Entry entry;
  entry.watched = std::move(*watched);
  entry.view = entry.watched->view(config_);
  entry.next_ns = next_look(monotonic_ns());
  tell(attached_line(*entry.view, unix_ns()), entry.view.get());
  entries_.insert_or_assign(process.pid(), std::move(entry));
  have_rest();
}

// Debug information that nobody asks for goes. Where many read theirs at once, as when all
// processes of a host are new, few keep it for long.
void Host::have_rest() {
  const auto awake = std::ranges::count_if(
      entries_, [](const auto& one) { return !one.second.watched->observation().rests(); });
  const uint64_t now = monotonic_ns();
  for (auto& [pid, entry] : entries_) {
    rested_ |= entry.watched->observation().rest(now, awake > most_awake);
  }
}

void Host::consider(pid_t pid, uint64_t now_ns) {
  auto process = Process::open(pid);
  if (!process) return;
  const ProcessFacts facts = facts_of(*process);
  const auto asked = wanted(config_, facts);
  if (asked) attach(*process, facts, asked->rule, now_ns);
}

void Host::discover(uint64_t now_ns) {
  ++scans_;
  const std::vector<pid_t> found = discovery_.scan(now_ns);
  std::erase_if(unwatched_, [](const auto& one) {
    return ::access(fmt::format("/proc/{}", one.first).c_str(), F_OK) != 0;
  });
  for (const pid_t pid : found) {
    // One that executed another program is told again before anybody looked at it.
    const auto at = entries_.find(pid);
    if (at != entries_.end() && at->second.watched->process().alive() &&
        !at->second.watched->process().executed()) {
      continue;
    }
    if (at != entries_.end()) {
      tell(at->second, at->second.faults.close_all());
      let_go({{pid, at->second.watched->process().gone().message}});
    }
    consider(pid, now_ns);
  }
}

void Host::tell(const Entry& entry, const std::vector<VerdictEvent>& events) {
  for (const VerdictEvent& event : events) {
    tell(verdict_line(*entry.view, event, unix_ns()), entry.view.get());
    if (webhook_) webhook_->send(events_.back());
  }
}

Result<void> Host::look_at(Entry& entry, uint64_t now_ns) {
  const uint64_t begun = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  const double share = share_of_all / static_cast<double>(entries_.size());
  if (auto looked = entry.watched->look(share); !looked) return looked;
  entry.view = entry.watched->view(config_);
  tell(entry, entry.faults.take(entry.view->report, unix_ns()));
  const uint64_t taken = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun;
  look_ns_ += taken;
  ++looks_;
  entry.next_ns = next_look(now_ns + rest_for_each_ns * entries_.size() * taken);
  return {};
}

// All at the same times: what is published then is of one moment, and made once.
uint64_t Host::next_look(uint64_t earliest_ns) const {
  return (earliest_ns / config_.interval_ns + 1) * config_.interval_ns;
}

// Its probes may be out after that.
void Host::see_last(Entry& entry, const std::string& why) {
  entry.watched->observation().close_account();
  entry.view = entry.watched->view(config_);
  tell(detached_line(*entry.view, why, unix_ns()), entry.view.get());
  if (historian_) historian_->see_last(*entry.view, !entry.watched->process().alive());
}

// Together: one after the other, fifty that are deployed anew would hold up the looks at all others
// for seconds.
void Host::let_go(const std::map<pid_t, std::string>& leaving) {
  std::vector<Observation*> observations;
  for (const auto& [pid, why] : leaving) {
    Entry& entry = entries_.at(pid);
    see_last(entry, why);
    observations.push_back(&entry.watched->observation());
  }
  Observation::detach_all(observations);
  for (const auto& [pid, why] : leaving) entries_.erase(pid);
  let_go_ += leaving.size();
}

void Host::step() {
  const uint64_t now = monotonic_ns();
  std::map<pid_t, std::string> leaving;
  for (auto& [pid, entry] : entries_) {
    const Process& process = entry.watched->process();
    if (!process.alive() || process.executed()) {
      tell(entry, entry.faults.close_all());
      leaving.emplace(pid, process.gone().message);
      continue;
    }
    const auto looked = now < entry.next_ns ? Result<void>() : look_at(entry, now);
    if (looked) continue;
    // Its main thread has ended, say: what was known of it must not stay as if it were so now.
    tell(entry, entry.faults.close_all());
    discovery_.again(pid, now, retry_ns);
    leaving.emplace(pid, looked.error().message);
  }
  let_go(leaving);
  have_rest();
  if (now >= scan_ns_) {
    discover(now);
    scan_ns_ = now + config_.scan_ns;
  }
  publish();
  // What is free is between what is not: else it would stay with us.
  if (std::exchange(rested_, false)) ::malloc_trim(0);
}

uint64_t Host::next_ns() const {
  uint64_t next = scan_ns_;
  for (const auto& [pid, entry] : entries_) next = std::min(next, entry.next_ns);
  return next;
}

std::vector<int> Host::pidfds() const {
  std::vector<int> fds;
  for (const auto& [pid, entry] : entries_) fds.push_back(entry.watched->process().pidfd());
  return fds;
}

void Host::reload(Config config, std::vector<IgnoreRule> ignored) {
  const bool other_webhook = config.webhook != config_.webhook;
  const bool other_push = config.push != config_.push;
  config_ = std::move(config);
  if (other_webhook) start_webhook();
  if (other_push) start_push();
  ignored_ = std::move(ignored);
  std::map<pid_t, std::string> leaving;
  for (auto& [pid, entry] : entries_) {
    entry.watched->observation().ignore(ignored_);
    if (!wanted(config_, facts_of(entry.watched->process()))) {
      leaving.emplace(pid, "the config does not want it any more");
    }
  }
  let_go(leaving);
  unwatched_.clear();
  discovery_.forget_all();
  scan_ns_ = 0;
  tell(config_line("", unix_ns()));
}

void Host::refuse(const std::string& why) {
  tell(config_line(why, unix_ns()));
  publish();
}

// Their faults go on: nobody looks any more.
void Host::let_all_go(const std::string& why) {
  pusher_.reset();
  for (auto& [pid, entry] : entries_) see_last(entry, why);
  if (kernel_) kernel_->end();
  let_go_ += entries_.size();
  entries_.clear();
  publish();
}

void Host::publish() {
  auto view = std::make_shared<HostView>();
  view->unix_ns = unix_ns();
  view->monotonic_ns = monotonic_ns();
  view->started_unix_ns = started_unix_ns_;
  for (const auto& [pid, entry] : entries_) view->processes.push_back(entry.view);
  for (const auto& [pid, unwatched] : unwatched_) view->unwatched.push_back(unwatched);
  view->scans = scans_;
  view->attached = attached_;
  view->let_go = let_go_;
  // To list our descriptors takes as long as a look.
  if (view->monotonic_ns - own_ns_ >= 1'000'000'000) {
    own_ = own_cost();
    own_ns_ = view->monotonic_ns;
  }
  view->own = own_;
  view->own.look_ns = look_ns_;
  view->own.looks = looks_;
  view->own.events_lost = log_.lost();
  if (webhook_) view->own.webhook = webhook_->figures();
  if (historian_) {
    historian_->see(*view);
    view->own.history = historian_->figures();
  }
  if (pusher_) view->own.push = pusher_->figures();
  published_.set(std::move(view));
  for (const std::string& line : events_) log_.write(line);
  events_.clear();
}

}  // namespace coroscope::daemon
