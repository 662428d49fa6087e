// SPDX-License-Identifier: Apache-2.0
#include "daemon/webhook.h"

#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "daemon/url.h"

namespace coroscope::daemon {
namespace {

enum class Answer { taken, refused, none };

}  // namespace

struct Webhook::State {
  State(const Url& address, const WebhookTimes& its_times)
      : client(address.server), path(address.path), times(its_times) {
    const std::chrono::nanoseconds patience(times.patience_ns);
    client.set_connection_timeout(patience);
    client.set_read_timeout(patience);
    client.set_write_timeout(patience);
  }

  Answer post(const std::string& text);
  void work();
  // False once it is to end.
  bool wait(std::unique_lock<std::mutex>& lock, uint64_t wait_ns);

  httplib::Client client;
  const std::string path;
  const WebhookTimes times;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> waiting;
  uint64_t first = 0;  // number of the first that waits, since texts are dropped at that end
  Figures figures;
  bool ending = false;
  std::thread thread;
};

Answer Webhook::State::post(const std::string& text) {
  const auto answer = client.Post(path, text, "application/json");
  if (!answer) return Answer::none;
  if (answer->status >= 200 && answer->status < 300) return Answer::taken;
  const bool later = answer->status == 408 || answer->status == 429;
  return answer->status >= 400 && answer->status < 500 && !later ? Answer::refused : Answer::none;
}

bool Webhook::State::wait(std::unique_lock<std::mutex>& lock, uint64_t wait_ns) {
  changed.wait_for(lock, std::chrono::nanoseconds(wait_ns), [this] { return ending; });
  return !ending;
}

void Webhook::State::work() {
  std::unique_lock lock(mutex);
  uint64_t wait_ns = times.first_wait_ns;
  for (;;) {
    changed.wait(lock, [this] { return ending || !waiting.empty(); });
    if (ending) return;
    const std::string text = waiting.front();
    const uint64_t number = first;
    lock.unlock();
    const Answer answer = post(text);
    lock.lock();
    if (answer == Answer::none) {
      ++figures.failed;
      if (!wait(lock, wait_ns)) return;
      wait_ns = std::min(2 * wait_ns, times.longest_wait_ns);
      continue;
    }
    wait_ns = times.first_wait_ns;
    ++(answer == Answer::taken ? figures.sent : figures.refused);
    if (first != number) continue;  // it was dropped meanwhile
    waiting.pop_front();
    ++first;
  }
}

Webhook::Webhook(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<void> check_webhook_url(const std::string& url) {
  const auto address = parse_url(url, "a webhook");
  return address ? Result<void>() : address.error();
}

Result<std::unique_ptr<Webhook>> Webhook::start(const std::string& url, const WebhookTimes& times) {
  const auto address = parse_url(url, "a webhook");
  if (!address) return address.error();
  auto state = std::make_unique<State>(*address, times);
  State& its = *state;
  its.thread = std::thread([&its] { its.work(); });
  return std::unique_ptr<Webhook>(new Webhook(std::move(state)));
}

Webhook::~Webhook() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->changed.notify_all();
  state_->client.stop();
  state_->thread.join();
}

void Webhook::send(std::string json) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->waiting.size() >= most_waiting) {
      state_->waiting.pop_front();
      ++state_->first;
      ++state_->figures.dropped;
    }
    state_->waiting.push_back(std::move(json));
  }
  state_->changed.notify_all();
}

Webhook::Figures Webhook::figures() const {
  const std::lock_guard lock(state_->mutex);
  Figures figures = state_->figures;
  figures.waiting = state_->waiting.size();
  return figures;
}

}  // namespace coroscope::daemon
