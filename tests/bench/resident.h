// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <string>

namespace coro_bench {

// What this process has in memory, in bytes, from the kernel's own books.
struct Memory {
  std::int64_t resident = 0;
  std::int64_t page_tables = 0;  // those that map it; no part of what is resident
};

// The number of a line "NAME  123 kB", in bytes.
inline std::int64_t kilobytes(const char* path, const std::string& name) {
  std::ifstream file(path);
  for (std::string word; file >> word;
       file.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
    std::int64_t value = 0;
    if (word == name && file >> value) return value * 1024;
  }
  return 0;
}

// Not from statm, which is off by some pages for each CPU.
inline Memory memory_now() {
  return {kilobytes("/proc/self/smaps_rollup", "Rss:"), kilobytes("/proc/self/status", "VmPTE:")};
}

// A line "KIND,COUNT,BYTES,PAGE-TABLE BYTES", for each of `count`.
inline void print_each(const char* kind, std::size_t count, const Memory& before) {
  const Memory now = memory_now();
  const double n = static_cast<double>(count);
  std::printf("%s,%zu,%.1f,%.1f\n", kind, count,
              static_cast<double>(now.resident - before.resident) / n,
              static_cast<double>(now.page_tables - before.page_tables) / n);
}

}  // namespace coro_bench
