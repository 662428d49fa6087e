// SPDX-License-Identifier: Apache-2.0
// The probes of this very program, and what is made of its file when that is damaged.
#include "bpf/usdt_sites.h"

#include <elf.h>
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

std::vector<UsdtSite> sites_in(const std::string& path) {
  auto sites = read_usdt_sites(path, "usdt_sites_test");
  if (sites) return std::move(*sites);
  ADD_FAILURE() << sites.error().message;
  return {};
}

TEST(UsdtSites, AreThoseOfTheProvider) {
  pass(1, 2);
  pass_twice(3);
  const auto sites = sites_in("/proc/self/exe");
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
  const auto other = read_usdt_sites("/proc/self/exe", "usdt_sites");
  EXPECT_TRUE(other && other->empty());
}

TEST(UsdtSites, OfWhatIsNoProgramThereAreNone) {
  const auto error = [](const std::string& path) {
    const auto sites = read_usdt_sites(path, "usdt_sites_test");
    return sites ? "none" : sites.error().message;
  };
  EXPECT_NE(error("/proc/self/maps").find("no program of this machine"), std::string::npos);
  EXPECT_NE(error("/").find("no program of this machine"), std::string::npos);
  EXPECT_EQ(error("/nowhere"), "cannot read /nowhere: No such file or directory");
  const std::string bytes = own_file();
  for (const size_t size : {0, 16, 63}) {
    EXPECT_NE(error(Copy(bytes.substr(0, size)).path()).find("no program"), std::string::npos);
  }
  // Without its sections, which lie at the end.
  for (const size_t size : {size_t{64}, bytes.size() / 2}) {
    EXPECT_NE(error(Copy(bytes.substr(0, size)).path()).find("make no sense"), std::string::npos);
  }
}

// A copy of this program with its headers and notes within reach.
struct Program {
  std::string bytes = own_file();

  template <typename T>
  T& at(uint64_t offset) {
    EXPECT_LE(offset + sizeof(T), bytes.size());
    return *reinterpret_cast<T*>(bytes.data() + offset);
  }
  Elf64_Ehdr& header() { return at<Elf64_Ehdr>(0); }
  Elf64_Shdr& section(size_t index) {
    return at<Elf64_Shdr>(header().e_shoff + index * sizeof(Elf64_Shdr));
  }
  Elf64_Shdr& section(const std::string& name) {
    const uint64_t names = section(header().e_shstrndx).sh_offset;
    for (size_t i = 0; i < header().e_shnum; ++i) {
      if (name == bytes.data() + names + section(i).sh_name) return section(i);
    }
    ADD_FAILURE() << "no section " << name;
    return section(0);
  }
  Result<std::vector<UsdtSite>> read() const {
    return read_usdt_sites(Copy(bytes).path(), "usdt_sites_test");
  }
};

// Whatever is in the notes and headers, a place is in the file, and some are left.
TEST(UsdtSites, OfADamagedFileLieInIt) {
  std::mt19937 random(7);
  size_t found = 0, refused = 0;
  for (int round = 0; round < 120; ++round) {
    SCOPED_TRACE(round);
    Program damaged;
    const Elf64_Shdr notes = damaged.section(".note.stapsdt");
    const uint64_t sections = damaged.header().e_shoff;
    const uint64_t headers = uint64_t{damaged.header().e_shnum} * sizeof(Elf64_Shdr);
    for (int i = 0; i < 3; ++i) {
      const uint64_t at = round % 3 == 0   ? random() % 700
                          : round % 3 == 1 ? notes.sh_offset + random() % notes.sh_size
                                           : sections + random() % headers;
      damaged.bytes.at(at) = static_cast<char>(random());
    }
    const auto sites = damaged.read();
    refused += sites ? sites->size() < 3 : 1;
    if (!sites) continue;
    for (const UsdtSite& site : *sites) {
      EXPECT_LT(site.offset, damaged.bytes.size());
      EXPECT_LT(site.semaphore, damaged.bytes.size());
      ++found;
    }
  }
  EXPECT_GT(found, 0u) << "none was ever looked at: the check proves nothing";
  EXPECT_GT(refused, 10u) << "nothing was ever damaged: the check proves nothing";
}

void expect_senseless(const Program& program, const std::string& why) {
  const auto sites = program.read();
  ASSERT_FALSE(sites);
  EXPECT_EQ(sites.error().kind, ErrorKind::target_bad);
  EXPECT_NE(sites.error().message.find(why), std::string::npos) << sites.error().message;
}

TEST(UsdtSites, BeyondMeasureAreRefused) {
  Program large_notes;
  large_notes.section(".note.stapsdt").sh_size = 5 << 20;
  expect_senseless(large_notes, "too large or can not be read");

  Program large_names;
  large_names.section(large_names.header().e_shstrndx).sh_size = 2 << 20;
  expect_senseless(large_names, "too large or can not be read");

  Program compressed_names;
  compressed_names.section(compressed_names.header().e_shstrndx).sh_flags |= SHF_COMPRESSED;
  expect_senseless(compressed_names, "too large or can not be read");

  Program of_32_bits;
  of_32_bits.header().e_ident[EI_CLASS] = ELFCLASS32;
  expect_senseless(of_32_bits, "no program of this machine");

  Program headers;
  headers.header().e_shnum = 0;  // it is in the first section then
  headers.section(0).sh_size = 1 << 24;
  expect_senseless(headers, "too many headers");

  Program outside;
  const uint64_t first = outside.section(".note.stapsdt").sh_offset;
  outside.at<uint64_t>(first + 12 + 8) = 1ull << 40;  // after its header and owner: the address
  expect_senseless(outside, "does not lie in the file");
}

// The notes of one site, so often.
TEST(UsdtSites, MoreThanAnyRuntimeHasAreRefused) {
  Program program;
  Elf64_Shdr& notes = program.section(".note.stapsdt");
  const std::string all = program.bytes.substr(notes.sh_offset, notes.sh_size);
  std::string many;
  while (many.size() < (most_usdt_sites + 1) * all.size()) many += all;
  notes.sh_offset = program.bytes.size();
  notes.sh_size = many.size();
  program.bytes += many;
  expect_senseless(program, "too many");
}

TEST(ArgumentWords, AreThoseOfWholeRegisters) {
  using Words = ArgumentWords;
  EXPECT_EQ(argument_words(""), (Words{no_word, no_word, no_word, no_word}));
  EXPECT_EQ(argument_words("8@%rdi 8@%rsi -8@%rdx 8@%r15"), (Words{14, 13, 12, 0}));

  for (const char* elsewhere : {"4@%edi", "8@%edi", "8@$5", "8@-8(%rbp)", "8@counter(%rip)", "8@",
                                "@%rdi", "8@%rdi  8@%rsi", "8@%rdi 8@%rdi 8@%rdi 8@%rdi 8@%rdi"}) {
    EXPECT_FALSE(argument_words(elsewhere)) << elsewhere;
  }
}

}  // namespace
}  // namespace coroscope
