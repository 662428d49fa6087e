// SPDX-License-Identifier: Apache-2.0
#include "symbolize/frame.h"

#include <gtest/gtest.h>

namespace coroscope {
namespace {

TEST(ShortFunction, KeepsWhatNamesTheFunction) {
  const struct {
    const char* full;
    const char* brief;
  } cases[] = {
      {"main", "main"},
      {"query_backend", "query_backend"},
      {"handle(int, char const*)", "handle"},
      {"coro::Channel<long>::send(long)", "coro::Channel<>::send"},
      {"coro::Channel<std::pair<int, std::vector<int> > >::send(std::pair<int, int>&&)",
       "coro::Channel<>::send"},
      {"void coro::go<main::{lambda()#1}>(main::{lambda()#1}&&)", "coro::go<>"},
      {"std::enable_if<(1 > 0), int>::type ns::pick<int>(int)", "ns::pick<>"},
      {"query_all(Request const&)::$_0::operator()() const", "query_all::$_0"},
      {"main::{lambda()#1}::operator()() const", "main::{lambda()#1}"},
      {"main::{lambda(int, std::function<void (int)>)#2}::operator()(int) const",
       "main::{lambda()#2}"},
      {"f(int)::{lambda(auto:1)#1}::operator()<int>(int) const", "f::{lambda()#1}::operator()<>"},
      {"main::{lambda()#1}::_FUN()", "main::{lambda()#1}"},
      {"(anonymous namespace)::worker()", "worker"},
      {"demo::(anonymous namespace)::Pool::run() const &", "demo::Pool::run"},
      {"void (anonymous namespace)::visit<int>(int)", "visit<>"},
      {"char const* name<int>()", "name<>"},
      {"Point::operator<(Point const&) const", "Point::operator<"},
      {"bool operator< <int>(A<int> const&, A<int> const&)", "operator<<>"},
      {"std::ostream& operator<< <char>(std::ostream&, char)", "operator<<<>"},
      {"Callback::operator()(int)", "Callback::operator()"},
      {"Ptr<int>::operator->() const", "Ptr<>::operator->"},
      {"operator new(unsigned long)", "operator new"},
      {"Value::operator unsigned long() const", "Value::operator unsigned long"},
      {"Value::operator bool() const", "Value::operator bool"},
      {"operator\"\" _s(unsigned long long)", "operator\"\" _s"},
      {"my_operator(int)", "my_operator"},
      {"operator_table::find(int)", "operator_table::find"},
      {"name[abi:cxx11](int)", "name"},
      {"work(int) [clone .cold]", "work"},
      {"decltype(auto) visit<int>(int&&)", "visit<>"},
      {"foo<&A::operator-> >()", "foo<>"},
      // Signatures: of g++ ordinary ones, then those of coroutines, then clang's.
      {"coro::Task<int> fetch(int)", "fetch"},
      {"static T ns::{anonymous}::Pool<T>::get(int) [with T = long int]", "ns::Pool<>::get"},
      {"main()::<lambda(int)> mutable", "main::{lambda}"},
      {"void fetch(fetch(int)::_Z5fetchi.Frame*)", "fetch"},
      {"void ns::{anonymous}::A::run(ns::{anonymous}::A::run(int) const::_ZNK1A3runEi.Frame*)",
       "ns::A::run"},
      {"void main()::<lambda(auto:1)>::operator()(main()::<lambda(auto:1)> "
       "mutable::_ZZ4mainENUlT_E0_clIiEE4TaskIiES_.Frame*)",
       "main::{lambda}"},
      {"auto main()::(anonymous class)::operator()(int) const [T = int]", "main::{lambda}"},
  };
  for (const auto& [full, brief] : cases) EXPECT_EQ(short_function(full), brief) << full;
}

TEST(ShortFunction, SurvivesAnything) {
  for (const char* text : {"",          " ",         "(",  ")",    "<",        ">",     "{",
                           "}",         "[",         "]",  "((((", "<<<<",     "a<b(c", "operator",
                           "operator ", "operator<", "->", "a (",  "{lambda(", " const"}) {
    EXPECT_EQ(short_function(text).empty(), *text == '\0') << text;
  }
  std::string text;
  for (int i = 0; i < 20000; i++) {
    text += "<([{}])> ab:operator,&"[(static_cast<size_t>(i) * static_cast<size_t>(i) * 7 +
                                      static_cast<size_t>(i)) %
                                     22];
  }
  (void)short_function(text);
  (void)short_function(std::string(100000, '<'));
}

TEST(LibraryFunction, IsOneOfTheCxxLibrary) {
  for (const char* function :
       {"std::lock_guard<>::lock_guard", "__gnu_cxx::new_allocator<>::allocate"})
    EXPECT_TRUE(is_library_function(function)) << function;
  for (const char* function : {"stdlib_main", "mine::std::f", "main", ""})
    EXPECT_FALSE(is_library_function(function)) << function;
}

TEST(ShortFunction, NestingIsNoRecursion) {
  std::string text;
  for (int i = 0; i < 100000; i++) text += "<(";
  EXPECT_EQ(short_function("f" + text), "f<>");
}

TEST(Format, ShowsAsMuchAsIsKnown) {
  Frame frame;
  frame.address = 0x7f0012345678;
  EXPECT_EQ(format(frame), "0x7f0012345678");
  frame.module = "/usr/lib/libx.so";
  frame.offset = 0x1234;
  EXPECT_EQ(format(frame), "libx.so+0x1234");
  frame.function = "ns::handle(int)";
  EXPECT_EQ(format(frame), "ns::handle");
  frame.file = "/src/server.cpp";
  EXPECT_EQ(format(frame), "ns::handle server.cpp");
  frame.line = 112;
  EXPECT_EQ(format(frame), "ns::handle server.cpp:112");
}

}  // namespace
}  // namespace coroscope
