// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "model/dump.h"
#include "observe/observation.h"
#include "util/result.h"

namespace coroscope {

// OpenDump is a dump of a process or of a file, and who tells more about it.
struct OpenDump {
  std::unique_ptr<Observation> observation;  // of a process; the details ask it
  Dump dump;
  std::unique_ptr<DumpDetails> details;
};

// `source` is what a person typed: a PID, the name of a saved file, or "-" for one
// on stdin. A file whose name is a number is written as ./123.
//
// `judged`: with verdicts, if it is a process; a file has those with which it was saved.
Result<OpenDump> open_dump(const std::string& source, bool judged = false);

}  // namespace coroscope
