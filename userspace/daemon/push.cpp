// SPDX-License-Identifier: Apache-2.0
#include "daemon/push.h"

#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "daemon/profile.h"
#include "daemon/url.h"
#include "daemon/view.h"
#include "util/clock.h"

namespace coroscope::daemon {
namespace {

constexpr uint64_t second_ns = 1'000'000'000;
constexpr uint64_t rest_for_each_ns = 50;  // of what a profile took: 2% of a processor
constexpr uint64_t first_wait_ns = second_ns;
constexpr uint64_t longest_wait_ns = 300 * second_ns;
constexpr time_t patience_s = 10;  // with one request

bool is_letter(char one) {
  return std::isalnum(static_cast<unsigned char>(one)) != 0 || one == '_';
}

// The path is Pyroscope's if none is given.
Result<Url> push_url(const std::string& text) {
  auto url = parse_url(text, "who takes profiles");
  if (url && url->path == "/") url->path = "/ingest";
  return url;
}

using ProcessId = std::pair<pid_t, uint64_t>;  // with start_ticks: this process and no other

}  // namespace

struct Pusher::State {
  State(const PushConfig& its_config, const Url& url, View its_view)
      : config(its_config), path(url.path), view(std::move(its_view)), client(url.server) {
    client.set_connection_timeout(patience_s);
    client.set_read_timeout(patience_s);
    client.set_write_timeout(patience_s);
  }

  void work();
  std::shared_ptr<const ProcessView> next_due(uint64_t now_ns);
  // How long to rest then.
  uint64_t push(const ProcessView& process);
  uint64_t post(const ProcessView& process, const std::string& profile, uint64_t from_unix_ns);
  void add(uint64_t Figures::*figure, uint64_t more = 1) {
    const std::lock_guard lock(mutex);
    figures.*figure += more;
  }
  // False once it is to end.
  bool wait(uint64_t wait_ns) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::nanoseconds(wait_ns), [this] { return ending; });
    return !ending;
  }

  const PushConfig config;
  const std::string path;
  const View view;
  httplib::Client client;
  std::map<ProcessId, uint64_t> due_ns;
  std::map<ProcessId, uint64_t> pushed_unix_ns;  // when last
  uint64_t failures = 0;                         // one after the other
  mutable std::mutex mutex;
  std::condition_variable changed;
  Figures figures;
  bool ending = false;
  bool ended = false;
  std::thread thread;
};

// Who waits longest; null if nobody is due.
std::shared_ptr<const ProcessView> Pusher::State::next_due(uint64_t now_ns) {
  const auto now = view();
  std::map<ProcessId, uint64_t> due;
  std::shared_ptr<const ProcessView> next;
  uint64_t earliest = now_ns;
  for (const auto& process : now->processes) {
    const ProcessId id{process->pid, process->start_ticks};
    const auto known = due_ns.find(id);
    due[id] = known == due_ns.end() ? now_ns : known->second;
    if (due[id] > earliest) continue;
    earliest = due[id];
    next = process;
  }
  due_ns = std::move(due);
  std::erase_if(pushed_unix_ns, [this](const auto& one) { return !due_ns.contains(one.first); });
  return next;
}

uint64_t Pusher::State::post(const ProcessView& process, const std::string& profile,
                             uint64_t from_unix_ns) {
  const httplib::Params asked = {{"name", pushed_name(process.service.name, process.pid, config)},
                                 {"from", std::to_string(from_unix_ns / second_ns)},
                                 {"until", std::to_string(unix_ns() / second_ns)},
                                 {"format", "pprof"},
                                 {"spyName", "coroscope"}};
  const httplib::MultipartFormDataItems items = {
      {"profile", profile, "profile.pb.gz", "application/octet-stream"}};
  const char joint = path.find('?') == std::string::npos ? '?' : '&';
  const auto answer =
      client.Post(path + joint + httplib::detail::params_to_query_str(asked), items);
  if (answer && answer->status >= 200 && answer->status < 300) {
    failures = 0;
    add(&Figures::sent);
    return 0;
  }
  const bool refused = answer && answer->status >= 400 && answer->status < 500;
  add(refused ? &Figures::refused : &Figures::failed);
  const uint64_t doubled = first_wait_ns << std::min<uint64_t>(failures++, 16);
  return std::min(doubled, longest_wait_ns);
}

uint64_t Pusher::State::push(const ProcessView& process) {
  const ProcessId id{process.pid, process.start_ticks};
  due_ns[id] = monotonic_ns() + config.interval_ns;
  const uint64_t begun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  const uint64_t taken_unix_ns = unix_ns();
  auto profile = take_profile(process.pid, process.start_ticks, ProfileForm::proto);
  const uint64_t taken_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns;
  add(&Figures::taking_ns, taken_ns);
  if (!profile) {
    add(&Figures::untaken);
    return taken_ns * rest_for_each_ns;
  }
  const auto last = pushed_unix_ns.find(id);
  const uint64_t from =
      last == pushed_unix_ns.end() ? taken_unix_ns - config.interval_ns : last->second;
  pushed_unix_ns[id] = taken_unix_ns;
  return std::max(post(process, *profile, from), taken_ns * rest_for_each_ns);
}

void Pusher::State::work() {
  constexpr uint64_t look_again_ns = second_ns / 10;  // for processes that are new
  uint64_t rest_ns = 0;
  while (wait(std::max(rest_ns, uint64_t{1}))) {
    const auto process = next_due(monotonic_ns());
    rest_ns = process ? push(*process) : look_again_ns;
  }
  const std::lock_guard lock(mutex);
  ended = true;
  changed.notify_all();
}

Pusher::Pusher(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Pusher>> Pusher::start(const PushConfig& config, View view) {
  const auto url = push_url(config.url);
  if (!url) return url.error();
  auto state = std::make_unique<State>(config, *url, std::move(view));
  State& its = *state;
  its.thread = std::thread([&its] { its.work(); });
  return std::unique_ptr<Pusher>(new Pusher(std::move(state)));
}

Pusher::~Pusher() {
  {
    std::unique_lock lock(state_->mutex);
    state_->ending = true;
    state_->changed.notify_all();
    // A request that begins just now has no connection yet that could be ended.
    while (!state_->ended) {
      lock.unlock();
      state_->client.stop();
      lock.lock();
      state_->changed.wait_for(lock, std::chrono::milliseconds(20),
                               [this] { return state_->ended; });
    }
  }
  state_->thread.join();
}

Pusher::Figures Pusher::figures() const {
  const std::lock_guard lock(state_->mutex);
  return state_->figures;
}

Result<void> check_push_url(const std::string& url) {
  const auto parsed = push_url(url);
  return parsed ? Result<void>() : parsed.error();
}

Result<void> check_push_label(const std::string& key, const std::string& value) {
  const bool good_key = !key.empty() && std::all_of(key.begin(), key.end(), is_letter) &&
                        std::isdigit(static_cast<unsigned char>(key.front())) == 0;
  const auto good = [](char one) {
    return is_letter(one) || one == '.' || one == '-' || one == '/';
  };
  const bool good_value = !value.empty() && std::all_of(value.begin(), value.end(), good);
  if (good_key && good_value) return {};
  return Error{ErrorKind::usage,
               fmt::format("'{}' = '{}' is no label: a name is of letters, digits "
                           "and _, a value also of . - and /",
                           key, value)};
}

std::string pushed_name(const std::string& service, pid_t pid, const PushConfig& config) {
  std::string name;
  for (const char one : service.substr(0, 128)) {
    name += is_letter(one) || one == '.' || one == '-' ? one : '_';
  }
  name += fmt::format("{{pid={}", pid);
  for (const auto& [key, value] : config.labels) name += fmt::format(",{}={}", key, value);
  return name + "}";
}

}  // namespace coroscope::daemon
