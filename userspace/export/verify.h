// SPDX-License-Identifier: Apache-2.0
// The forms of `verify`.
#pragma once

#include <string>

#include "detect/leftovers.h"

namespace coroscope {

std::string verify_text(const VerifyReport& report, bool colour);

// One object a line: a "leftover" for each group, a "process" for each that was looked at,
// and last "verify".
std::string verify_json(const VerifyReport& report, int exit_code);

// As JUnit's XML is read by CI: a testcase for each group, all of which have failed, one
// for the command, and one for each process that could not be looked at.
std::string verify_junit(const VerifyReport& report);

// "3 coroutines [chan send, no receiver, 20.0 ms to 2.9 s], oldest born 2.9 s before"
std::string left_headline(const LeftGroup& group);

}  // namespace coroscope
