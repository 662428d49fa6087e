// SPDX-License-Identifier: Apache-2.0
#include "observe/waiting.h"

#include <gtest/gtest.h>

#include "fake_target.h"

namespace coroscope {
namespace {

using Kind = WaitObject::Kind;

TEST(MissingAct, IsWhatTheObjectTells) {
  const struct {
    WaitObject object;
    const char* reason;
    const char* text;
  } cases[] = {
      {{.kind = Kind::channel}, "chan send", "no receiver"},
      {{.kind = Kind::channel, .waiting_receivers = 1}, "chan send", ""},
      {{.kind = Kind::channel}, "chan receive", "no sender"},
      {{.kind = Kind::channel, .length = 1}, "chan receive", ""},
      {{.kind = Kind::wait_group, .length = 3}, "", "counter at 3"},
      {{.kind = Kind::mutex, .length = 1, .holder = 42}, "", "held by coroutine 42"},
      {{.kind = Kind::mutex, .length = 1}, "", "held, by whom is not known"},
      {{.kind = Kind::mutex}, "", ""},
      {{.kind = Kind::rw_mutex, .holder = 42}, "", "held by writer 42"},
      {{.kind = Kind::rw_mutex, .length = 2, .waiting_senders = 1},
       "",
       "2 readers inside, 1 writer waits"},
      {{.kind = Kind::rw_mutex, .length = 1, .waiting_senders = 3},
       "",
       "1 reader inside, 3 writers wait"},
      {{.kind = Kind::condition}, "", "not notified"},
      {{.kind = Kind::semaphore, .capacity = 4}, "", "no units free"},
      {{.kind = Kind::semaphore, .capacity = 4, .length = 2}, "", "2 units free"},
      {{.kind = Kind::once, .holder = 42}, "", "run by coroutine 42"},
      {{.kind = Kind::rw_mutex, .length = 1, .waiting_senders = 1, .lone_reader = 42},
       "",
       "reader 42 inside, 1 writer waits"},
      {{.kind = Kind::semaphore, .capacity = 4, .last_taker = 42},
       "",
       "no units free, coroutine 42 took the last"},
      {{.kind = Kind::channel, .deadline_ns = 3'500'000'000},
       "chan receive",
       "a timer sends in 3.0 s"},
      {{.kind = Kind::context}, "", "the context is not done"},
      {{.kind = Kind::context, .deadline_ns = 0},
       "",
       "the context is not done, and has no deadline"},
      {{.kind = Kind::context, .deadline_ns = 3'500'000'000},
       "",
       "the context is not done; its deadline is in 3.0 s"},
      {{.kind = Kind::context, .closed = true}, "", "the context is done"},
      {{.kind = Kind::join, .holder = 42}, "", "waits for the end of coroutine 42"},
      {{.kind = Kind::join}, "", "not ended"},
  };
  FakeTarget target;
  for (const auto& c : cases) {
    target.objects[8] = c.object;
    EXPECT_EQ(missing_act(target, c.reason, 8, 500'000'000), c.text);
  }
  EXPECT_EQ(missing_act(target, "chan send", 16, 0), "") << "no object";
}

TEST(SelectCases, SayWhatWouldEndIt) {
  FakeTarget target;
  const MemberPlace member{17, 3};
  EXPECT_TRUE(select_cases(target, member, 0).empty());
  using Act = SelectCase::Act;
  const WaitObject channel{.kind = Kind::channel};
  const WaitObject ready{.kind = Kind::channel, .waiting_senders = 1, .waiting_receivers = 1};
  target.selects[17] = {{{Act::receive, 0xa0, channel},
                         {Act::send, 0xa0, channel},
                         {Act::send, 0xa0, ready},
                         {Act::receive, 0xb0, std::nullopt},
                         {Act::receive, 0, std::nullopt},
                         {Act::done, 0xc0, WaitObject{.kind = Kind::context}}},
                        1,
                        3'500'000'000};
  EXPECT_EQ(
      select_cases(target, member, 500'000'000),
      (std::vector<std::string>{
          "receive from channel 0xa0: no sender", "send to channel 0xa0: no receiver",
          "send to channel 0xa0", "receive from channel 0xb0", "receive from channel nil: never",
          "end of context 0xc0: not done", "1 further case", "a timeout in 3.0 s"}));
}

}  // namespace
}  // namespace coroscope
