// SPDX-License-Identifier: Apache-2.0
// What the daemon is allowed to do, and that there is one of it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "util/fd.h"
#include "util/result.h"

namespace coroscope::daemon {

// Gives up, for good, every capability but those that observing needs: CAP_BPF, CAP_PERFMON,
// CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, and CAP_SYS_ADMIN if this kernel wants that for uprobes,
// which is tried. What this process starts can not gain any (no_new_privs). Before there are
// other threads: each has its own. Error: environment.
Result<void> drop_privileges();

// One of those, and whether this process has it.
struct CapabilityNeed {
  std::string name;
  std::string why;
  bool had = false;
  bool needed = true;
  bool instead = false;  // it is not had, but another one that stands for it
};
std::vector<CapabilityNeed> capability_needs();

// OneOnHost is held by one daemon of a network namespace, as long as it runs.
class OneOnHost {
 public:
  // Takes it if nobody has it; else the process that does (0: one that we can not see).
  std::optional<pid_t> take();

 private:
  Fd held_;
};

}  // namespace coroscope::daemon
