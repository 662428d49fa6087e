// SPDX-License-Identifier: Apache-2.0
// Prints the trace's hash under the seed that it is given: for deterministic_test.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "trace.h"

int main(int count, char** arguments) {
  if (count != 2) return EXIT_FAILURE;
  std::printf("%llu\n", static_cast<unsigned long long>(trace_hash(std::stoull(arguments[1]))));
}
