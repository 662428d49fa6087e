// SPDX-License-Identifier: Apache-2.0
// sleeper: a process without coroutines. Prints `ready` and waits to be killed.
#include <unistd.h>

#include <cstdio>

int main() {
  std::puts("ready");
  std::fflush(stdout);
  for (;;) pause();
}
