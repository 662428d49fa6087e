// SPDX-License-Identifier: Apache-2.0
#include "daemon/historian.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "proc/process.h"
#include "util/clock.h"
#include "util/log.h"

namespace coroscope::daemon {
namespace {

constexpr uint64_t second_ns = 1'000'000'000;

// When to try again to open what could not be opened.
constexpr std::chrono::seconds open_again(60);

constexpr history::Time tidied_each = 60;

// At the end of the daemon.
constexpr std::chrono::seconds patience(1);

// Events that wait for the next batch.
constexpr size_t most_events = 1000;

history::Time history_time(uint64_t wall_ns) {
  return static_cast<history::Time>(wall_ns / second_ns);
}

std::string boot_id() {
  std::string text;
  read_text_file("/proc/sys/kernel/random/boot_id", &text, 64);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

history::SeenProcess seen_process(const ProcessView& process, int64_t peak) {
  static const std::string boot = boot_id();
  const Account& account = process.report.account;
  history::SeenProcess seen;
  seen.instance.service = {process.service.id, process.service.name, process.facts.user,
                           process.facts.cgroup};
  seen.instance.pid = process.pid;
  seen.instance.boot_id = boot;
  seen.instance.start_ticks = process.start_ticks;
  seen.instance.build_id = process.build_id;
  seen.instance.command = process.facts.command_line;
  seen.instance.from = history_time(process.attached_unix_ns);
  seen.sample.live = account.live;
  seen.sample.peak = peak;
  seen.sample.spawned = account.spawned;
  seen.sample.exited = account.exited;
  seen.sample.completeness = account.completeness();
  for (const StackView& stack : process.stacks) {
    seen.sample.stacks.push_back({stack.id, stack.live});
    seen.frames.emplace_back(stack.id, stack.frames);
  }
  if (process.other_stacks.live != 0) {
    seen.sample.stacks.push_back({history::other_stacks, process.other_stacks.live});
  }
  return seen;
}

}  // namespace

struct Historian::State {
  State(std::string its_path, history::Limits its_limits)
      : path(std::move(its_path)), limits(std::move(its_limits)) {}

  void work();
  // False if there is nowhere to write to.
  bool open();
  void write(const history::Batch& batch);
  void tell(const Result<void>& written, uint64_t bytes);

  const std::string path;
  const history::Limits limits;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<history::Batch> waiting;
  HistoryFigures figures;
  bool ending = false;
  bool ended = false;

  // Of its thread alone.
  std::unique_ptr<history::Store> store;
  std::chrono::steady_clock::time_point tried{};
  history::Time tidied = 0;
  std::string told;  // what was wrong last
};

bool Historian::State::open() {
  if (store) return true;
  const auto now = std::chrono::steady_clock::now();
  if (tried.time_since_epoch().count() != 0 && now - tried < open_again) return false;
  tried = now;
  auto opened = history::Store::open(path, limits, history_time(unix_ns()));
  if (opened) {
    store = std::move(*opened);
  } else {
    tell(opened.error(), 0);
  }
  return store != nullptr;
}

// What is wrong is told once, until it is something else.
void Historian::State::tell(const Result<void>& written, uint64_t bytes) {
  const std::string wrong = written ? "" : written.error().message;
  if (!wrong.empty() && wrong != told) log_warn("{}; the daemon goes on without it", wrong);
  if (wrong.empty() && !told.empty()) log_info("the history {} is written again", path);
  told = wrong;
  const std::lock_guard lock(mutex);
  figures.works = wrong.empty();
  if (bytes != 0) figures.bytes = bytes;
}

void Historian::State::write(const history::Batch& batch) {
  const bool opened = open();
  auto written = opened ? store->write(batch) : Result<void>();
  if (opened && written && std::abs(batch.time - tidied) >= tidied_each) {
    tidied = batch.time;
    written = store->tidy(batch.time);
  }
  if (opened) tell(written, store->bytes());
  const std::lock_guard lock(mutex);
  ++(opened && written ? figures.written : figures.lost);
}

void Historian::State::work() {
  open();
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return ending || !waiting.empty(); });
    if (waiting.empty()) break;
    const history::Batch batch = std::move(waiting.front());
    waiting.pop_front();
    lock.unlock();
    write(batch);
    lock.lock();
  }
  lock.unlock();
  store.reset();
  lock.lock();
  ended = true;
  changed.notify_all();
}

Historian::Historian(std::string path, const history::Limits& limits)
    : state_(std::make_shared<State>(std::move(path), limits)), limits_(limits) {
  std::thread([state = state_] { state->work(); }).detach();
}

Historian::~Historian() {
  std::unique_lock lock(state_->mutex);
  if (next_.time != 0) state_->waiting.push_back(std::move(next_));
  state_->ending = true;
  state_->changed.notify_all();
  if (!state_->changed.wait_for(lock, patience, [this] { return state_->ended; })) {
    log_warn("the history {} was not written to its end: its disk is slow", state_->path);
  }
}

void Historian::add(const ProcessView& process) {
  const auto peak = peaks_.find({process.pid, process.start_ticks});
  const int64_t live = process.report.account.live;
  next_.processes.push_back(
      seen_process(process, peak == peaks_.end() ? live : std::max(peak->second, live)));
}

void Historian::see_last(const ProcessView& process, bool ended) {
  add(process);
  next_.time = history_time(unix_ns());
  next_.processes.back().instance.ended = ended;
  next_.processes.back().sample.time = history_time(process.looked_unix_ns);
}

void Historian::see(const HostView& view) {
  for (const auto& process : view.processes) {
    int64_t& peak = peaks_[{process->pid, process->start_ticks}];
    peak = std::max(peak, process->report.account.live);
  }
  const history::Time now = history_time(view.unix_ns);
  const int64_t interval = now / limits_.interval;
  if (interval == written_at_) return;
  written_at_ = interval;
  for (const auto& process : view.processes) add(*process);
  peaks_.clear();
  next_.time = now;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->waiting.size() >= most_waiting) {
      state_->waiting.pop_front();
      ++state_->figures.lost;
    }
    state_->waiting.push_back(std::move(next_));
  }
  state_->changed.notify_all();
  next_ = {};
}

void Historian::note(const ProcessView* process, const std::string& line) {
  if (next_.events.size() >= most_events) {
    const std::lock_guard lock(state_->mutex);
    ++state_->figures.events_lost;
    return;
  }
  const auto json = nlohmann::json::parse(line, nullptr, false);
  next_.time = history_time(unix_ns());
  next_.events.push_back({next_.time, process == nullptr ? "" : process->service.id,
                          json.is_object() ? json.value("event", "") : "",
                          line.substr(0, line.find('\n'))});
}

HistoryFigures Historian::figures() const {
  const std::lock_guard lock(state_->mutex);
  return state_->figures;
}

}  // namespace coroscope::daemon
