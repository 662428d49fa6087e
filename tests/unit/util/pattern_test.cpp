// SPDX-License-Identifier: Apache-2.0
#include "util/pattern.h"

#include <gtest/gtest.h>

namespace coroscope {
namespace {

bool found(const std::string& pattern, const std::string& text) {
  const auto parsed = Pattern::parse(pattern);
  EXPECT_TRUE(parsed) << pattern;
  return parsed && parsed->found_in(text);
}

TEST(Pattern, IsSearchedFor) {
  EXPECT_TRUE(found("serve", "shop::serve_order /src/a.cpp:3"));
  EXPECT_FALSE(found("^serve", "shop::serve_order /src/a.cpp:3"));
  EXPECT_TRUE(found("a\\.cpp:3$", "shop::serve_order /src/a.cpp:3"));
  EXPECT_TRUE(found("^(fetch|shop)::", "shop::serve_order /src/a.cpp:3"));
  EXPECT_TRUE(found("(?i)SHOP", "shop::serve_order"));
  EXPECT_TRUE(found("", "anything"));
  EXPECT_TRUE(found("\\bJosé", "nach José"));
}

TEST(Pattern, ThatIsNoneIsSaidToBeSo) {
  for (const char* text : {"(", "[a", "a**", "\\", "(?=ahead)", "(a)\\1", "x{100000}"}) {
    const auto parsed = Pattern::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::usage);
    EXPECT_TRUE(parsed.error().message.starts_with("'" + std::string(text) +
                                                   "' is no regular expression: "))
        << parsed.error().message;
  }
}

// std::regex needs a stack frame for each byte of the one, and ages for the other.
TEST(Pattern, IsNotExhaustedByATargetsNames) {
  const std::string very_long(4'000'000, 'a');
  EXPECT_FALSE(found("^(a|b)*c", very_long));
  EXPECT_FALSE(found("(a+)+$", very_long + "!"));
  EXPECT_TRUE(found("a$", very_long));
}

TEST(Pattern, WhatIsNoTextIsBytes) {
  EXPECT_TRUE(found("b", std::string("a\xff\0b", 4)));
  EXPECT_FALSE(found("c", "\xc3"));
}

}  // namespace
}  // namespace coroscope
