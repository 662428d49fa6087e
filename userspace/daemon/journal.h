// SPDX-License-Identifier: Apache-2.0
// Events for systemd's journal, in its native protocol
// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/). Not by libsystemd: that waits for a journal that
// is slow, and says of none at all that all went well.
#pragma once

#include <string>

#include "util/fd.h"
#include "util/result.h"

namespace coroscope::daemon {

// One event, a line as in lifecycle.h, as the fields of an entry: MESSAGE for people, PRIORITY,
// SYSLOG_IDENTIFIER, each text or number of the event as COROSCOPE_<KEY>, and the whole line as
// COROSCOPE_JSON.
std::string journal_entry(const std::string& line);

class Journal {
 public:
  // Error: usage, if this host has none.
  static Result<Journal> open();
  // Never waits. False if it was not taken.
  bool send(const std::string& line);

 private:
  Fd socket_;
};

}  // namespace coroscope::daemon
