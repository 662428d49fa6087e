// SPDX-License-Identifier: Apache-2.0
#include "daemon/push.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <thread>

#include "daemon/view.h"

namespace coroscope::daemon {
namespace {

TEST(Push, NamesAreOfLettersThatCanNotBeMisread) {
  PushConfig config;
  config.labels = {{"env", "prod"}, {"zone", "eu-1"}};
  EXPECT_EQ(pushed_name("orders", 7, config), "orders{pid=7,env=prod,zone=eu-1}");
  EXPECT_EQ(pushed_name("a b{pid=1}&c=\n\xff", 7, {}), "a_b_pid_1__c___{pid=7}");
  EXPECT_EQ(pushed_name(std::string(1000, 'x'), 7, {}).size(), 128u + 7);
}

TEST(Push, LabelsAndAddressesAreChecked) {
  EXPECT_TRUE(check_push_label("env", "prod-1.2/x"));
  for (const auto& [key, value] : std::vector<std::pair<const char*, const char*>>{
           {"", "a"}, {"1a", "a"}, {"a-b", "a"}, {"a", ""}, {"a", "b,c=d"}, {"a", "}"}}) {
    EXPECT_FALSE(check_push_label(key, value)) << key << value;
  }
  EXPECT_TRUE(check_push_url("http://127.0.0.1:4040"));
  EXPECT_TRUE(check_push_url("https://here/ingest?tenant=a"));
  for (const char* url : {"", "here", "ftp://here", "http://"}) {
    EXPECT_FALSE(check_push_url(url)) << url;
  }
}

// This very process has no coroutines.
TEST(Push, WhoCanNotBeLookedAtIsCountedAndTriedAgainLater) {
  auto process = std::make_shared<ProcessView>();
  process->pid = ::getpid();
  auto view = std::make_shared<HostView>();
  view->processes.push_back(process);
  PushConfig config;
  config.url = "http://127.0.0.1:1";
  config.interval_ns = 1'000'000;
  auto pusher = Pusher::start(config, [&]() -> std::shared_ptr<const HostView> { return view; });
  ASSERT_TRUE(pusher);
  while ((*pusher)->figures().untaken < 2) std::this_thread::yield();
  EXPECT_EQ((*pusher)->figures().sent, 0u);
  EXPECT_EQ((*pusher)->figures().failed, 0u);
}

}  // namespace
}  // namespace coroscope::daemon
