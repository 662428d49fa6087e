// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <elfutils/libdw.h>

#include "util/fd.h"

namespace coroscope {

// AlternateDwarf is the file that the DWARF of a module shares with others
// (.gnu_debugaltlink). If none is set, libdw opens what the target names, by
// its name, when it first meets a reference: so one is always set.
class AlternateDwarf {
 public:
  AlternateDwarf() = default;
  AlternateDwarf(const AlternateDwarf&) = delete;
  AlternateDwarf& operator=(const AlternateDwarf&) = delete;
  ~AlternateDwarf();

  // Takes the verified `file`, or one without content if it is none. Must outlive
  // `main`. False if that can not be done; `main` is not to be used then.
  bool attach(Dwarf* main, Fd file);

 private:
  Fd file_;
  Dwarf* dwarf_ = nullptr;
};

}  // namespace coroscope
