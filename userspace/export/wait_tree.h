// SPDX-License-Identifier: Apache-2.0
// The forms of a wait tree, written piece by piece as those of a dump are.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/dump.h"
#include "model/wait_tree.h"

namespace coroscope {

struct WaitTreePage {
  const Dump& dump;
  const WaitTree& tree;
  size_t roots_shown = 0;  // the first of them
  uint64_t moved = 0;      // waits that are left out: they changed while they were read
};

class WaitTreeEncoder {
 public:
  virtual ~WaitTreeEncoder() = default;

  virtual std::string begin(const WaitTreePage& page) = 0;
  // `line` is one of the tree's, in their order; `names` are of its record, if it has one.
  virtual std::string line(const WaitTreePage& page, const WaitTree::Line& line,
                           const DumpDetail& names) = 0;
  // `names_unread`: coroutines whose names and labels could not be read.
  virtual std::string end(const WaitTreePage& page, uint64_t names_unread) = 0;
};

// For people: who is waited for, and indented below those who wait.
std::unique_ptr<WaitTreeEncoder> text_wait_tree();
// One object a line, each with a "type"; the first is `tree`, the last `end`. Fields
// are only ever added; README.md documents them.
std::unique_ptr<WaitTreeEncoder> json_wait_tree();

}  // namespace coroscope
