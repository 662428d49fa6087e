// SPDX-License-Identifier: Apache-2.0
// The probes of this very program, and what is made of its file when that is damaged.
#include "bpf/usdt_sites.h"

#include <gtest/gtest.h>

#define _SDT_HAS_SEMAPHORES 1
#define STAP_SDT_ARG_CONSTRAINT r
#include <sys/sdt.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "proc/process.h"

extern "C" {
#define SITES_SEMAPHORE(name)                                     \
  __extension__ unsigned short usdt_sites_test_##name##_semaphore \
      __attribute__((used, section(".probes"))) = 0
SITES_SEMAPHORE(passed);
SITES_SEMAPHORE(twice);
}

namespace coroscope {
namespace {

[[gnu::noinline, gnu::noclone]] void pass(uint64_t first, uint64_t second) {
  STAP_PROBE2(usdt_sites_test, passed, first, second);
}
[[gnu::noinline, gnu::noclone]] void pass_twice(uint64_t first) {
  STAP_PROBE1(usdt_sites_test, twice, first);
  STAP_PROBE1(usdt_sites_test, twice, first);
}

std::string own_file() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// Where a byte of the file is mapped in this process.
const char* mapped(uint64_t offset) {
  std::ifstream maps("/proc/self/maps");
  const auto exe = std::filesystem::read_symlink("/proc/self/exe").string();
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0, at = 0;
    if (line.find(exe) == std::string::npos ||
        std::sscanf(line.c_str(), "%lx-%lx %*s %lx", &begin, &end, &at) != 3) {
      continue;
    }
    if (offset >= at && offset - at < end - begin) {
      return reinterpret_cast<const char*>(begin + (offset - at));
    }
  }
  return nullptr;
}

// A file of its own, which goes with it.
class Copy {
 public:
  explicit Copy(const std::string& bytes) : path_(::testing::TempDir() + "usdt_sites_test") {
    path_ += std::to_string(getpid());
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~Copy() { std::filesystem::remove(path_); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(UsdtSites, AreThoseOfTheProvider) {
  pass(1, 2);
  pass_twice(3);
  const auto sites = read_usdt_sites("/proc/self/exe", "usdt_sites_test");
  ASSERT_EQ(sites.size(), 3u);
  for (const UsdtSite& site : sites) {
    SCOPED_TRACE(site.probe);
    const char* nop = mapped(site.offset);
    ASSERT_NE(nop, nullptr);
    EXPECT_EQ(static_cast<uint8_t>(*nop), 0x90);
    const bool one = site.probe == "passed";
    EXPECT_EQ(mapped(site.semaphore),
              reinterpret_cast<const char*>(one ? &usdt_sites_test_passed_semaphore
                                                : &usdt_sites_test_twice_semaphore));
    EXPECT_EQ(std::ranges::count(site.arguments, '@'), one ? 2 : 1);
    EXPECT_TRUE(argument_words(site.arguments)) << site.arguments;
  }
  EXPECT_TRUE(read_usdt_sites("/proc/self/exe", "usdt_sites").empty());
}

TEST(UsdtSites, OfWhatIsNoProgramThereAreNone) {
  EXPECT_TRUE(read_usdt_sites("/proc/self/maps", "usdt_sites_test").empty());
  EXPECT_TRUE(read_usdt_sites("/", "usdt_sites_test").empty());
  EXPECT_TRUE(read_usdt_sites("/nowhere", "usdt_sites_test").empty());
  const std::string bytes = own_file();
  for (const size_t size : {size_t{0}, size_t{16}, size_t{64}, bytes.size() / 2}) {
    EXPECT_TRUE(read_usdt_sites(Copy(bytes.substr(0, size)).path(), "usdt_sites_test").empty())
        << size;
  }
}

// Whatever is in the notes and headers, a place is in the file.
TEST(UsdtSites, OfADamagedFileLieInIt) {
  const std::string bytes = own_file();
  const size_t notes = bytes.find("stapsdt") - 12;
  std::mt19937 random(7);
  size_t found = 0;
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    std::string damaged = bytes;
    const bool headers = round % 3 == 0;
    for (int i = 0; i < 8; ++i) {
      const size_t at = headers ? random() % 700 : notes + random() % 300;
      damaged.at(at) = static_cast<char>(random());
    }
    for (const UsdtSite& site : read_usdt_sites(Copy(damaged).path(), "usdt_sites_test")) {
      EXPECT_LT(site.offset, damaged.size());
      EXPECT_LT(site.semaphore, damaged.size());
      ++found;
    }
  }
  EXPECT_GT(found, 0u) << "none was ever looked at: the check proves nothing";
}

TEST(ArgumentWords, AreThoseOfWholeRegisters) {
  using Words = ArgumentWords;
  EXPECT_EQ(argument_words(""), Words{});
  EXPECT_EQ(argument_words("8@%rdi 8@%rsi -8@%rdx 8@%r15"), (Words{14, 13, 12, 0}));
  for (const char* elsewhere : {"4@%edi", "8@%edi", "8@$5", "8@-8(%rbp)", "8@counter(%rip)", "8@",
                                "@%rdi", "8@%rdi  8@%rsi", "8@%rdi 8@%rdi 8@%rdi 8@%rdi 8@%rdi"}) {
    EXPECT_FALSE(argument_words(elsewhere)) << elsewhere;
  }
}

}  // namespace
}  // namespace coroscope
