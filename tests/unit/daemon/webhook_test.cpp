// SPDX-License-Identifier: Apache-2.0
// A webhook and whoever answers it, over real sockets.
#include "daemon/webhook.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace coroscope::daemon {
namespace {

// Answers each post with what `status_of` says of its number, from 0.
class Hook {
 public:
  explicit Hook(std::function<int(size_t)> status_of) : status_of_(std::move(status_of)) {
    server_.Post("/hook", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      response.status = status_of_(bodies_.size());
      bodies_.push_back(request.body);
      came_.notify_all();
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Hook() {
    server_.stop();
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook"; }
  std::vector<std::string> wait_for(size_t count) {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, std::chrono::minutes(3), [&] { return bodies_.size() >= count; });
    return bodies_;
  }

 private:
  std::function<int(size_t)> status_of_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::string> bodies_;
};

constexpr WebhookTimes quick = {.first_wait_ns = 1'000'000, .longest_wait_ns = 4'000'000};

std::unique_ptr<Webhook> start(const std::string& url, const WebhookTimes& times = quick) {
  auto started = Webhook::start(url, times);
  if (started) return std::move(*started);
  ADD_FAILURE() << started.error().message;
  return nullptr;
}

using Texts = std::vector<std::string>;

TEST(Webhook, SendsInOrder) {
  Hook hook([](size_t) { return 200; });
  const auto webhook = start(hook.url());
  for (const char* text : {"1", "2", "3"}) webhook->send(text);
  EXPECT_EQ(hook.wait_for(3), (Texts{"1", "2", "3"}));
}

TEST(Webhook, TriesAgainUntilItArrives) {
  Hook hook([](size_t number) { return number < 2 ? 503 : number == 2 ? 429 : 204; });
  const auto webhook = start(hook.url());
  webhook->send("1");
  webhook->send("2");
  EXPECT_EQ(hook.wait_for(5), (Texts{"1", "1", "1", "1", "2"}));
  while (webhook->figures().sent < 2) std::this_thread::yield();
  EXPECT_EQ(webhook->figures().failed, 3u);
  EXPECT_EQ(webhook->figures().waiting, 0u);
}

TEST(Webhook, WhatIsRefusedIsNotTriedAgain) {
  Hook hook([](size_t number) { return number == 0 ? 400 : 200; });
  const auto webhook = start(hook.url());
  webhook->send("1");
  webhook->send("2");
  EXPECT_EQ(hook.wait_for(2), (Texts{"1", "2"}));
  while (webhook->figures().sent < 1) std::this_thread::yield();
  EXPECT_EQ(webhook->figures().refused, 1u);
}

TEST(Webhook, OfTooManyTheOldestAreDroppedAndCounted) {
  // Nobody listens there, and it is long until it is tried again.
  const auto webhook = start("http://127.0.0.1:1/", {.first_wait_ns = 3'600'000'000'000});
  for (size_t i = 0; i < Webhook::most_waiting + 10; ++i) webhook->send("x");
  EXPECT_EQ(webhook->figures().dropped, 10u);
  EXPECT_EQ(webhook->figures().waiting, Webhook::most_waiting);
}

TEST(Webhook, AddressesThatAreNoneAreRefused) {
  for (const char* url : {"", "host", "ftp://host/", "http://", "http:///path", "://host"}) {
    EXPECT_FALSE(check_webhook_url(url)) << url;
  }
  for (const char* url : {"http://host", "https://host:1/a?b=c", "http://[::1]:80/"}) {
    EXPECT_TRUE(check_webhook_url(url)) << url;
  }
}

}  // namespace
}  // namespace coroscope::daemon
