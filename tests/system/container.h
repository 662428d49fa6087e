// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "child.h"

namespace coroscope::testing {

// Container runs a program in user, PID and mount namespaces of its own, with its own
// /proc and its own root. It has the host's /usr, and else only the files it was given.
class Container {
 public:
  // `files` are those that it has: path inside, and where the host has it.
  Container(const std::map<std::string, std::string>& files,
            const std::vector<std::string>& arguments);

  // As the host sees it. Inside it is 1.
  pid_t pid() const { return pid_; }
  Child& child() { return child_; }

  enum class Enter {
    all,            // its root, its users, its processes
    pids,           // its processes, and a /proc that shows them; else the host's
    pids_but_proc,  // its processes, but the host's /proc
  };
  // A command in some of its namespaces.
  Outcome run(const std::vector<std::string>& arguments, Enter how = Enter::all) const;

 private:
  Child child_;
  pid_t pid_ = 0;
};

}  // namespace coroscope::testing
