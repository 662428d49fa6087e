// SPDX-License-Identifier: Apache-2.0
// Stacks and names in words, as reports and dumps show them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coroscope {

// ReportedFrame is one function of a stack.
struct ReportedFrame {
  std::string function;  // short; module+0xoffset or an address if not known
  std::string file;      // as the compiler recorded it; empty if not known
  uint32_t line = 0;
  uint64_t address = 0;  // of code; of a co_await: of what the program tells about it
  bool inlined = false;
  bool runtime = false;  // the runtime's own, left out of the text form
  bool library = false;  // the C++ library's own, left out too
  bool await = false;    // a co_await of a coroutine without a stack

  bool of_program() const { return !runtime && !library; }
};
using ReportedStack = std::vector<ReportedFrame>;  // innermost first

// The first frame that is the program's own, or else the first; null if there is none.
inline const ReportedFrame* top_frame(const ReportedStack& stack) {
  for (const ReportedFrame& frame : stack) {
    if (frame.of_program()) return &frame;
  }
  return stack.empty() ? nullptr : &stack.front();
}

// ReportedLabel is what the members of a population say of one key, by which it is told
// from others.
struct ReportedLabel {
  enum class Is : uint8_t {
    value,
    none,    // they have no such label
    unread,  // theirs was not read
    other,   // one of those values that there was no room for
  };
  std::string key;
  Is is = Is::value;
  std::string value;

  bool operator==(const ReportedLabel&) const = default;

  // "tenant=a", "no tenant"
  std::string text() const {
    switch (is) {
      case Is::none:
        return "no " + key;
      case Is::unread:
        return key + " not read";
      case Is::other:
        return "one of the other values of " + key;
      case Is::value:
        break;
    }
    return key + "=" + value;
  }
};

// ReportedNames is what the program calls the members of a population, the
// most common first; empty if it does not.
struct ReportedNames {
  struct Name {
    std::string name;
    uint64_t members = 0;
  };
  struct Label {
    std::string key;
    std::string value;
    uint64_t members = 0;
  };
  uint64_t asked = 0;  // members that these are of: all, or some from all over the population
  std::vector<Name> names;
  std::vector<Label> labels;
};

}  // namespace coroscope
