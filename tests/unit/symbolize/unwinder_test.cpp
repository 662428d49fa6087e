// SPDX-License-Identifier: Apache-2.0
#include "symbolize/unwinder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <ostream>

#include "libdw_unwinder.h"
#include "parked_target.h"

namespace coroscope {
namespace {

// One build of parked_program.
struct Variant {
  const char* name;
  bool symbols = true;
  bool lines = true;
  bool cfi = true;  // of its own code; that of libc is there always
};

std::ostream& operator<<(std::ostream& out, const Variant& variant) {
  return out << variant.name;
}

std::string path_of(const Variant& variant) {
  return std::string(PARKED_DIRECTORY "/parked_") + variant.name;
}

class ParkedProgram : public testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(target_.valid()) << path_of(GetParam());
    Result<std::unique_ptr<Symbolizer>> symbolizer =
        Symbolizer::open(target_.process(), target_.memory());
    ASSERT_TRUE(symbolizer.ok()) << symbolizer.error().message;
    symbolizer_ = std::move(*symbolizer);
    unwinder_.emplace(*symbolizer_);
    stack_ = target_.stack();
    ASSERT_FALSE(stack_.empty());
  }

  UnwoundStack unwind() {
    return unwinder_->unwind(target_.parked().pc, target_.parked().sp, target_.parked().sp, stack_);
  }

  // Every frame up to main, inlined ones too.
  std::vector<Frame> frames(const UnwoundStack& unwound) {
    std::vector<Frame> result;
    for (size_t i = 0; i < unwound.pcs.size(); i++) {
      for (const Frame& frame : symbolizer_->frames(unwound.pcs[i], i > 0)) {
        result.push_back(frame);
        if (frame.function == "main") return result;
      }
    }
    return result;
  }

  ParkedTarget target_{path_of(GetParam())};
  std::unique_ptr<Symbolizer> symbolizer_;
  std::optional<Unwinder> unwinder_;
  std::vector<std::byte> stack_;
};

struct Expected {
  const char* function;
  const char* mark = nullptr;  // of its line; null: not looked at
  bool inlined = false;
};

const std::vector<Expected> chain{
    {"park_here"},
    {"demo::Channel<>::send", "send"},
    {"demo::inner_query", "inner_query", true},
    {"demo::outer_query", "outer_query", true},
    {"demo::realigned::<lambda>", "lambda"},
    {"demo::realigned", "realigned"},
    {"demo::through_lambda::<lambda>", "inlined lambda", true},
    {"demo::through_lambda", "through_lambda"},
    {"demo::recurse"},
    {"demo::recurse"},
    {"demo::recurse"},
    {"demo::handle_request", "handle_request"},
    {"main"},
};

// Compilers number lambdas each in their own way.
std::string without_lambda_number(std::string name) {
  for (const char* lambda : {"{lambda()#1}", "{lambda()}", "{lambda}", "$_0", "$_1"}) {
    const size_t at = name.find(lambda);
    if (at != std::string::npos) name.replace(at, std::string(lambda).size(), "<lambda>");
  }
  return name;
}

TEST_P(ParkedProgram, UnwindsToTheEnd) {
  const UnwoundStack unwound = unwind();
  EXPECT_EQ(unwound.end, StackEnd::complete) << stack_end_name(unwound.end);
  EXPECT_EQ(unwound.frame_pointer_steps == 0, GetParam().cfi);
  EXPECT_EQ(unwound.pcs.front(), target_.parked().pc);
  const UnwoundStack again = unwind();  // from cached rows
  EXPECT_EQ(again.pcs, unwound.pcs);
  EXPECT_EQ(again.end, unwound.end);
}

TEST_P(ParkedProgram, AgreesWithLibdw) {
  const std::vector<uint64_t> expected = unwind_with_libdw(target_, stack_);
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(unwind().pcs, expected);
}

TEST_P(ParkedProgram, NamesTheChain) {
  const std::vector<Frame> found = frames(unwind());
  if (!GetParam().symbols) {
    // main is not known either, so no frame ends the list.
    ASSERT_GT(found.size(), 8u);
    const std::string expected = std::string("parked_") + GetParam().name + "+0x";
    for (size_t i = 0; i < 8; i++) EXPECT_TRUE(format(found[i]).starts_with(expected));
    return;
  }
  std::vector<Expected> expected = chain;
  if (!GetParam().lines) std::erase_if(expected, [](const Expected& e) { return e.inlined; });
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < expected.size(); i++) {
    EXPECT_EQ(without_lambda_number(short_function(found[i].function)), expected[i].function);
    EXPECT_EQ(found[i].inlined, expected[i].inlined) << format(found[i]);
    EXPECT_EQ(found[i].module, path_of(GetParam()));
    if (expected[i].mark == nullptr || !GetParam().lines) continue;
    EXPECT_TRUE(found[i].file.ends_with("/parked_program.cpp")) << found[i].file;
    EXPECT_EQ(found[i].line, marked_line(expected[i].mark)) << format(found[i]);
  }
}

TEST_P(ParkedProgram, GoesOnWhenTheTargetHasEnded) {
  target_.kill();
  EXPECT_EQ(unwind().end, StackEnd::complete);
  const std::vector<Frame> found = frames(unwind());
  EXPECT_EQ(found[0].function, GetParam().symbols ? "park_here" : "");
}

INSTANTIATE_TEST_SUITE_P(
    Builds, ParkedProgram,
    testing::Values(Variant{"fp"}, Variant{"nofp"}, Variant{"o0"}, Variant{"symtab", true, false},
                    Variant{"stripped", false, false}, Variant{"static"}, Variant{"static_pie"},
                    Variant{"clang"}, Variant{"debug_frame"}, Variant{"debuglink"},
                    Variant{"split", true, false}, Variant{"no_cfi", true, false, false}),
    [](const auto& build) { return build.param.name; });

// --- hostile and broken stacks, on one good program

class Unwinding : public ParkedProgram {};

TEST_P(Unwinding, EveryTruncationEndsInside) {
  const UnwoundStack whole = unwind();
  size_t outside = 0;
  for (size_t size = 0; size < std::min<size_t>(stack_.size(), 4096); size += 4) {
    const UnwoundStack part = unwinder_->unwind(target_.parked().pc, target_.parked().sp,
                                                target_.parked().sp, std::span(stack_).first(size));
    ASSERT_LE(part.pcs.size(), whole.pcs.size());
    EXPECT_TRUE(std::equal(part.pcs.begin(), part.pcs.end(), whole.pcs.begin()));
    if (part.pcs.size() < whole.pcs.size()) {
      EXPECT_EQ(part.end, StackEnd::outside_stack) << size;
      outside++;
    }
  }
  EXPECT_GT(outside, 10u);
}

TEST_P(Unwinding, GarbageNeverLoops) {
  uint64_t random = 88172645463325252u;
  const auto next = [&random] {
    random ^= random << 13;
    random ^= random >> 7;
    return random ^= random << 17;
  };
  const UnwoundStack whole = unwind();
  for (int round = 0; round < 2000; round++) {
    std::vector<std::byte> bytes = stack_;
    const size_t hits = 1 + next() % 16;
    for (size_t i = 0; i < hits; i++) {
      // Words that look right: return addresses and stack addresses, misplaced.
      const uint64_t word = next() % 2 == 0 ? whole.pcs[next() % whole.pcs.size()]
                                            : target_.parked().sp + next() % 1024 * 8;
      const size_t at = next() % std::min<size_t>(bytes.size() / 8, 128) * 8;
      std::memcpy(bytes.data() + at, &word, sizeof word);
    }
    const UnwoundStack unwound =
        unwinder_->unwind(target_.parked().pc, target_.parked().sp, target_.parked().sp, bytes);
    ASSERT_LE(unwound.pcs.size(), Unwinder::max_depth);
  }
}

TEST_P(Unwinding, SaysSoWhenItIsTooDeep) {
  // Without frame pointers, one frame of `recurse` has the same bytes as
  // the next, so a deep stack is made by repeating one.
  const UnwoundStack whole = unwind();
  const auto caller = [&](size_t i) { return symbolizer_->frames(whole.pcs[i], i > 0).back(); };
  size_t first = 0;
  while (first < whole.pcs.size() && caller(first).function != "demo::recurse(int)") first++;
  ASSERT_LT(first + 2, whole.pcs.size());
  // The frames of one return address lie equally far apart.
  std::vector<size_t> places;
  for (size_t at = 0; at + 8 <= stack_.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, &stack_[at], sizeof word);
    if (word == whole.pcs[first + 1]) places.push_back(at);
  }
  ASSERT_GE(places.size(), 2u);
  const size_t frame = places[1] - places[0];
  std::vector<std::byte> deep(stack_.begin(), stack_.begin() + static_cast<ptrdiff_t>(places[1]));
  for (int i = 0; i < 200; i++) {
    deep.insert(deep.end(), stack_.begin() + static_cast<ptrdiff_t>(places[0]),
                stack_.begin() + static_cast<ptrdiff_t>(places[0] + frame));
  }
  const UnwoundStack unwound =
      unwinder_->unwind(target_.parked().pc, target_.parked().sp, target_.parked().sp, deep);
  EXPECT_EQ(unwound.end, StackEnd::too_deep);
  EXPECT_EQ(unwound.pcs.size(), Unwinder::max_depth);
}

TEST_P(Unwinding, OddBeginnings) {
  const uint64_t pc = target_.parked().pc;
  const uint64_t sp = target_.parked().sp;
  EXPECT_EQ(unwinder_->unwind(0, sp, sp, stack_).end, StackEnd::no_cfi);
  EXPECT_EQ(unwinder_->unwind(UINT64_MAX, sp, sp, stack_).end, StackEnd::no_cfi);
  EXPECT_EQ(unwinder_->unwind(pc, UINT64_MAX - 8, sp, stack_).end, StackEnd::bad_cfi);
  EXPECT_EQ(unwinder_->unwind(pc, 8, sp, stack_).end, StackEnd::outside_stack);
  EXPECT_EQ(unwinder_->unwind(pc, sp, sp, {}).end, StackEnd::outside_stack);
  EXPECT_EQ(unwinder_->unwind(pc, sp, UINT64_MAX - 8, stack_).end, StackEnd::outside_stack);
  const UnwoundStack unwound = unwinder_->unwind(pc, sp, sp, {});
  EXPECT_EQ(unwound.pcs, std::vector<uint64_t>{pc});
}

INSTANTIATE_TEST_SUITE_P(OneBuild, Unwinding, testing::Values(Variant{"nofp"}),
                         [](const auto& build) { return build.param.name; });

}  // namespace
}  // namespace coroscope
