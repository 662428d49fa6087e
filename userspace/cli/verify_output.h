// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "util/fd.h"
#include "util/result.h"

namespace coroscope {

// CommandOutput passes on what a command writes, and tells of each line, on a thread of its
// own: the command goes on meanwhile, until the pipe is full.
class CommandOutput {
 public:
  using OnLine = std::function<void(const std::string& line)>;

  // To the file descriptor `to`.
  static Result<std::unique_ptr<CommandOutput>> open(int to);
  CommandOutput(const CommandOutput&) = delete;
  CommandOutput& operator=(const CommandOutput&) = delete;
  ~CommandOutput() { finish(); }

  int write_end() const { return write_.get(); }
  void start(OnLine on_line);
  // Passes on what is there already. Who still holds the other end is not waited for.
  void finish();

 private:
  CommandOutput() = default;

  int to_ = -1;
  Fd read_, write_;
  Fd stop_read_, stop_write_;
  std::thread thread_;
};

}  // namespace coroscope
