// SPDX-License-Identifier: Apache-2.0
#include "probe_sites.h"

#include <elf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <cstring>

#include "child.h"
#include "proc/memory.h"
#include "proc/modules.h"

namespace coroscope::testing {
namespace {

template <typename T>
T at(const std::string& file, uint64_t offset) {
  T value{};
  if (offset + sizeof value <= file.size()) std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

Elf64_Shdr section(const std::string& file, const char* name) {
  const auto header = at<Elf64_Ehdr>(file, 0);
  const auto names = at<Elf64_Shdr>(file, header.e_shoff + header.e_shstrndx * sizeof(Elf64_Shdr));
  for (uint32_t i = 0; i < header.e_shnum; ++i) {
    const auto entry = at<Elf64_Shdr>(file, header.e_shoff + i * sizeof(Elf64_Shdr));
    if (std::strcmp(file.c_str() + names.sh_offset + entry.sh_name, name) == 0) return entry;
  }
  return {};
}

uint64_t align4(uint64_t size) {
  return (size + 3) / 4 * 4;
}

}  // namespace

// Format: https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation
std::vector<ProbeSite> probe_sites(pid_t pid) {
  std::vector<ProbeSite> sites;
  std::string file;
  EXPECT_TRUE(read_text_file(fmt::format("/proc/{}/exe", pid), &file, 256 << 20));
  const auto process = Process::open(pid);
  const auto memory = ProcessMemory::open(*process);
  const auto modules = list_modules(*process, *memory);
  uint64_t bias = 0;
  for (const Module& module : *modules) {
    if (module.main_executable) bias = module.bias;
  }
  const Elf64_Shdr base = section(file, ".stapsdt.base");
  const Elf64_Shdr notes = section(file, ".note.stapsdt");
  for (uint64_t at_note = notes.sh_offset; at_note < notes.sh_offset + notes.sh_size;) {
    const auto header = at<Elf64_Nhdr>(file, at_note);
    const uint64_t content = at_note + sizeof header + align4(header.n_namesz);
    const uint64_t moved = base.sh_addr - at<uint64_t>(file, content + 8);  // by prelink
    const std::string provider = file.c_str() + content + 24;
    const std::string name = file.c_str() + content + 24 + provider.size() + 1;
    const auto semaphore = at<uint64_t>(file, content + 16);
    if (provider == "coro") {
      sites.push_back({name, at<uint64_t>(file, content) + moved + bias, semaphore + moved + bias});
    }
    at_note = content + align4(header.n_descsz);
  }
  EXPECT_GE(sites.size(), 4u);
  return sites;
}

bool untouched(pid_t pid, const std::vector<ProbeSite>& sites) {
  const auto process = Process::open(pid);
  if (!process) return false;
  const auto memory = ProcessMemory::open(*process);
  if (!memory) return false;
  for (const ProbeSite& site : sites) {
    uint8_t instruction = 0;
    uint16_t semaphore = 1;
    if (!memory->read_value(site.address, &instruction)) return false;
    if (!memory->read_value(site.semaphore, &semaphore)) return false;
    if (instruction != 0x90 || semaphore != 0) return false;
  }
  return true;
}

bool becomes_untouched(pid_t pid, const std::vector<ProbeSite>& sites) {
  for (int waited_ms = 0; waited_ms < patience_ms; waited_ms += 5) {
    if (untouched(pid, sites)) return true;
    poll(nullptr, 0, 5);  // the kernel tells nobody
  }
  return false;
}

}  // namespace coroscope::testing
