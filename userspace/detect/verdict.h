// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace coroscope {

// Verdict says what a population is, as far as can be seen from outside.
enum class Verdict : uint8_t {
  steady,      // it did not grow to speak of
  warming_up,  // it was not watched for long enough to say
  backlog,     // it grew, but its members leave again: load that is not kept up with
  plateau,     // it grew, but not all the time: a ramp, a pool, a cache that is full
  leak,        // it grows, and who came does not leave
  stuck,       // its members wait for what can not happen any more
  busy,        // a member runs without a wait or yield
  starved,     // a member could run, and is not run
};

std::string_view verdict_name(Verdict verdict);

// Whether it is a fault of the program: it is told without being asked for, and
// makes the exit code 1.
bool is_fault(Verdict verdict);

}  // namespace coroscope
