// SPDX-License-Identifier: Apache-2.0
// Which coroutines are ignored, and how leaks are told.
#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "coro/error.h"
#include "coro/testing/leaks.h"
#include "text_writer.h"

namespace coro::testing {
namespace {

bool in_name(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

// Calls f(rest) for each place in a demangled name where a name begins that is neither in
// parameters nor in template arguments, until it returns true.
template <class F>
bool any_name(std::string_view text, F f) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char before = i == 0 ? ' ' : text[i - 1];
    if (c == '(' || c == '<') ++depth;
    if (c == ')' || (c == '>' && before != '-')) --depth;
    if (depth == 0 && in_name(c) && !in_name(before) && f(text.substr(i))) return true;
  }
  return false;
}

bool is_named(std::string_view text, std::string_view function) {
  return any_name(text, [&](std::string_view rest) {
    if (!rest.starts_with(function)) return false;
    rest.remove_prefix(function.size());
    return rest.empty() || std::string_view("(<[ ").find(rest.front()) != rest.npos;
  });
}

// The blank before it ends the return type; "operator bool" and such are of no runtime.
bool of_libraries(std::string_view text) {
  bool is = false;
  std::string_view former;
  any_name(text, [&](std::string_view rest) {
    const bool begins = former.empty() || rest.data()[-1] == ' ';
    if (begins) is = rest.starts_with("coro::") || rest.starts_with("std::");
    former = rest;
    return false;
  });
  return is;
}

// What a coroutine begins with is most often inlined into the function of the runtime
// that calls it, and then only that one's template argument has its name.
std::string_view name_of(const debug::Frame& frame) {
  constexpr std::string_view caller = "coro::detail::run_closure<";
  std::string_view name = frame.function;
  const std::size_t at = name.find(caller);
  if (at == name.npos || at > std::string_view("void ").size()) return name;
  name.remove_prefix(at + caller.size());
  while (name.starts_with("coro::")) {
    const std::size_t argument = name.find('<');
    if (argument == name.npos) return frame.function;
    name.remove_prefix(argument + 1);
  }
  return name;
}

bool any_named(const std::vector<debug::Frame>& frames, const std::string& function) {
  return std::any_of(frames.begin(), frames.end(),
                     [&](const debug::Frame& frame) { return is_named(name_of(frame), function); });
}

const debug::Frame* top_of(const std::vector<debug::Frame>& frames) {
  for (const debug::Frame& frame : frames) {
    if (!of_libraries(name_of(frame))) return &frame;
  }
  return frames.empty() ? nullptr : &frames.front();
}

std::string checked(std::string function) {
  if (function.empty()) throw UsageError("coro: a function to ignore has to have a name");
  return function;
}

}  // namespace

IgnoreTopFunction::IgnoreTopFunction(std::string function)
    : Ignore([name = checked(std::move(function))](const debug::Coroutine& coroutine) {
        const debug::Frame* top = top_of(coroutine.frames);
        return top != nullptr && is_named(name_of(*top), name);
      }) {}

IgnoreAnyFunction::IgnoreAnyFunction(std::string function)
    : Ignore([name = checked(std::move(function))](const debug::Coroutine& coroutine) {
        return any_named(coroutine.frames, name);
      }) {}

IgnoreCreatedBy::IgnoreCreatedBy(std::string function)
    : Ignore([name = checked(std::move(function))](const debug::Coroutine& coroutine) {
        return any_named(coroutine.created_by, name);
      }) {}

IgnoreLabel::IgnoreLabel(std::string key, std::string value)
    : Ignore(
          [label = std::pair(std::move(key), std::move(value))](const debug::Coroutine& coroutine) {
            return std::find(coroutine.labels.begin(), coroutine.labels.end(), label) !=
                   coroutine.labels.end();
          }) {}

namespace {

Ignore::Predicate is_current() {
  std::unordered_set<std::uint64_t> ids;
  for (const debug::Coroutine& coroutine : debug::coroutines()) ids.insert(coroutine.id);
  return [ids = std::move(ids)](const debug::Coroutine& coroutine) {
    return ids.contains(coroutine.id);
  };
}

// What those have in common that are told together.
std::string places_of(const debug::Coroutine& coroutine) {
  std::string text;
  for (const debug::Frame& frame : coroutine.frames) text += "  " + to_string(frame) + "\n";
  text += "created by\n";
  for (const debug::Frame& frame : coroutine.created_by) text += "  " + to_string(frame) + "\n";
  return text;
}

std::string in_words(std::chrono::nanoseconds duration) {
  std::string text;
  detail::TextWriter out(
      [](void* to, std::string_view part) { static_cast<std::string*>(to)->append(part); }, &text);
  out.duration(static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)));
  out.flush();
  return text;
}

std::string head_of(const debug::Coroutine& coroutine) {
  std::string text = "coroutine " + std::to_string(coroutine.id);
  if (!coroutine.name.empty()) text += " \"" + coroutine.name + "\"";
  text += " [" + coroutine.state;
  if (coroutine.waits) text += ", " + in_words(coroutine.waited);
  text += "]";
  const char* separator = " {";
  for (const auto& [key, value] : coroutine.labels) {
    text += separator + key + "=" + value;
    separator = ", ";
  }
  if (!coroutine.labels.empty()) text += "}";
  return text + ", " + in_words(coroutine.age) + " old";
}

}  // namespace

IgnoreCurrent::IgnoreCurrent() : Ignore(is_current()) {}

std::string describe(const std::vector<Leak>& leaks) {
  // By what they have in common, in the order of the first of each.
  std::vector<std::pair<const Leak*, std::size_t>> groups;
  std::map<std::pair<std::string, std::string>, std::size_t> known;
  for (const Leak& leak : leaks) {
    const auto [found, added] =
        known.try_emplace({leak.coroutine.state, places_of(leak.coroutine)}, groups.size());
    if (added) groups.emplace_back(&leak, 0);
    ++groups[found->second].second;
  }
  std::string text;
  for (const auto& [leak, count] : groups) {
    if (count > 1) text += std::to_string(count) + " coroutines, for example ";
    text += head_of(leak->coroutine);
    if (leak->freed) text += ", freed with its scheduler";
    text += ":\n" + places_of(leak->coroutine) + "\n";
  }
  return text;
}

}  // namespace coro::testing
