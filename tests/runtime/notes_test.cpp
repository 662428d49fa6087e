// SPDX-License-Identifier: Apache-2.0
// The ELF notes of built binaries: what an observer finds before anything runs.
#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "coro/abi.h"

namespace {

struct Note {
  std::uint32_t type = 0;
  std::string description;
  std::uint64_t description_address = 0;
};

struct Symbol {
  std::string name;
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

// Just enough of ELF64.
class Binary {
 public:
  explicit Binary(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    bytes_.resize(static_cast<std::size_t>(file.tellg()));
    file.seekg(0).read(bytes_.data(), static_cast<std::streamsize>(bytes_.size()));
    EXPECT_TRUE(file) << path;
  }

  template <class T>
  [[nodiscard]] T at(std::uint64_t offset) const {
    T value{};
    EXPECT_LE(offset + sizeof value, bytes_.size());
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

  // The bytes that the file has for a virtual address.
  template <class T>
  [[nodiscard]] T loaded(std::uint64_t address) const {
    const auto header = at<Elf64_Ehdr>(0);
    for (unsigned i = 0; i < header.e_phnum; ++i) {
      const auto segment = at<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr));
      if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
      if (address - segment.p_vaddr >= segment.p_filesz) continue;
      return at<T>(segment.p_offset + address - segment.p_vaddr);
    }
    ADD_FAILURE() << "nothing is loaded at " << std::hex << address;
    return T{};
  }

  // None if it is stripped.
  [[nodiscard]] std::vector<Symbol> functions() const {
    std::vector<Symbol> found;
    const auto header = at<Elf64_Ehdr>(0);
    const auto section = [&](unsigned i) {
      return at<Elf64_Shdr>(header.e_shoff + i * sizeof(Elf64_Shdr));
    };
    for (unsigned i = 0; i < header.e_shnum; ++i) {
      const Elf64_Shdr table = section(i);
      if (table.sh_type != SHT_SYMTAB) continue;
      const std::uint64_t names = section(table.sh_link).sh_offset;
      for (std::uint64_t done = 0; done < table.sh_size; done += sizeof(Elf64_Sym)) {
        const auto symbol = at<Elf64_Sym>(table.sh_offset + done);
        if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC) continue;
        found.push_back({bytes_.data() + names + symbol.st_name, symbol.st_value, symbol.st_size});
      }
    }
    return found;
  }

  // All notes of one owner, in sections or (allocated ones) in segments.
  [[nodiscard]] std::vector<Note> section_notes(const std::string& owner) const {
    std::vector<Note> notes;
    const auto header = at<Elf64_Ehdr>(0);
    for (unsigned i = 0; i < header.e_shnum; ++i) {
      const auto section = at<Elf64_Shdr>(header.e_shoff + i * sizeof(Elf64_Shdr));
      if (section.sh_type != SHT_NOTE) continue;
      collect(section.sh_offset, section.sh_size, section.sh_addr, owner, notes);
    }
    return notes;
  }
  [[nodiscard]] std::vector<Note> segment_notes(const std::string& owner) const {
    std::vector<Note> notes;
    const auto header = at<Elf64_Ehdr>(0);
    for (unsigned i = 0; i < header.e_phnum; ++i) {
      const auto segment = at<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr));
      if (segment.p_type != PT_NOTE || segment.p_align > 4) continue;
      collect(segment.p_offset, segment.p_filesz, segment.p_vaddr, owner, notes);
    }
    return notes;
  }

 private:
  void collect(std::uint64_t offset, std::uint64_t size, std::uint64_t address,
               const std::string& owner, std::vector<Note>& notes) const {
    const auto padded = [](std::uint64_t n) { return (n + 3) / 4 * 4; };
    for (std::uint64_t done = 0; done + sizeof(Elf64_Nhdr) <= size;) {
      const auto note = at<Elf64_Nhdr>(offset + done);
      const std::uint64_t name = done + sizeof note;
      const std::uint64_t description = name + padded(note.n_namesz);
      if (std::string(bytes_.data() + offset + name) == owner) {
        notes.push_back({note.n_type,
                         std::string(bytes_.data() + offset + description, note.n_descsz),
                         address + description});
      }
      done = description + padded(note.n_descsz);
    }
  }

  std::vector<char> bytes_;
};

class NotesTest : public testing::TestWithParam<std::string> {};

std::vector<std::string> noted_files() {
  std::vector<std::string> files{"/proc/self/exe"};
  std::istringstream list(NOTED_FILES);
  for (std::string file; std::getline(list, file, ':');) files.push_back(file);
  return files;
}

std::string test_name(const testing::TestParamInfo<std::string>& file) {
  std::string name = file.param.substr(file.param.rfind('/') + 1);
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, NotesTest, testing::ValuesIn(noted_files()), test_name);

TEST_P(NotesTest, DescriptorNoteLeadsToTheDescriptor) {
  const Binary binary(GetParam());
  const std::vector<Note> notes = binary.segment_notes(CORO_NOTE_OWNER);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].type, CORO_NOTE_DESCRIPTOR);
  coro_note note{};
  ASSERT_EQ(notes[0].description.size(), sizeof note);
  std::memcpy(&note, notes[0].description.data(), sizeof note);
  EXPECT_EQ(note.major, CORO_ABI_MAJOR);
  EXPECT_EQ(note.minor, CORO_ABI_MINOR);
  const std::uint64_t field = notes[0].description_address + offsetof(coro_note, descriptor_offset);
  const auto descriptor =
      binary.loaded<coro_descriptor>(field + static_cast<std::uint64_t>(note.descriptor_offset));
  EXPECT_EQ(descriptor.magic, CORO_ABI_MAGIC);
  EXPECT_EQ(descriptor.size, sizeof(coro_descriptor));
  EXPECT_EQ(descriptor.table_header_size, sizeof(coro_header));
}

struct Probe {
  std::uint64_t location = 0;
  std::uint64_t semaphore = 0;
  std::string arguments;
};

#if !defined(CORO_NO_PROBES)
// By name.
std::map<std::string, Probe> probes_of(const Binary& binary) {
  std::map<std::string, Probe> probes;
  for (const Note& note : binary.section_notes("stapsdt")) {
    std::uint64_t words[3];
    EXPECT_GT(note.description.size(), sizeof words);
    if (note.description.size() <= sizeof words) continue;
    std::memcpy(words, note.description.data(), sizeof words);
    const std::string provider = note.description.c_str() + sizeof words;
    if (provider != "coro") continue;  // the C library has some, too
    const std::string name = note.description.c_str() + sizeof words + provider.size() + 1;
    const std::string arguments =
        note.description.c_str() + sizeof words + provider.size() + name.size() + 2;
    EXPECT_TRUE(probes.insert({name, {words[0], words[2], arguments}}).second)
        << "two sites of " << name;
  }
  return probes;
}

#if defined(__x86_64__)
// Address and text of each instruction of a function, as objdump decodes them.
struct Instruction {
  std::uint64_t address = 0;
  std::string text;
};
std::vector<Instruction> instructions(const std::string& path, const Symbol& function) {
  std::ostringstream command;
  command << OBJDUMP << " -d --no-show-raw-insn --start-address=" << function.address
          << " --stop-address=" << function.address + function.size << " "
          << std::filesystem::canonical(path);
  std::vector<Instruction> result;
  FILE* output = popen(command.str().c_str(), "r");
  EXPECT_NE(output, nullptr);
  if (output == nullptr) return result;
  char line[512];
  while (fgets(line, sizeof line, output) != nullptr) {
    std::uint64_t address = 0;
    int at = 0;
    // The line of a function's name has no tab.
    if (sscanf(line, " %" SCNx64 ":\t%n", &address, &at) != 1 || at == 0) continue;
    std::string text = line + at;
    text.erase(text.find_last_not_of(" \n") + 1);
    result.push_back({address, text});
  }
  EXPECT_EQ(pclose(output), 0) << command.str();
  return result;
}

// An instruction of its own, of one byte: what is patched there is no part of another one.
// Nor does half of a longer nop follow, of 4 or of 8 bytes, with which it would be as good
// as one of 5 or of 9. One of 10 may: newer headers say by it that a call can be put there.
void expect_one_byte_nop(const std::vector<Instruction>& function, std::uint64_t location) {
  const auto site = std::find_if(function.begin(), function.end(),
                                 [&](const Instruction& one) { return one.address == location; });
  ASSERT_NE(site, function.end()) << "it is in the middle of an instruction";
  EXPECT_EQ(site->text, "nop");
  const auto next = site + 1;
  ASSERT_NE(next, function.end());
  EXPECT_EQ(next->address, location + 1);
  if (next->text.find("nop") == std::string::npos) return;
  ASSERT_NE(next + 1, function.end());
  const std::uint64_t length = (next + 1)->address - next->address;
  EXPECT_TRUE(length == 1 || length == 10) << next->text << ", of " << length << " bytes";
}
#endif

TEST_P(NotesTest, SixProbesWithSemaphores) {
  const Binary binary(GetParam());
  std::map<std::string, Probe> probes = probes_of(binary);
  ASSERT_EQ(probes.size(), 6u);
  const std::map<std::string, std::size_t> expected{
      {"spawn", 4}, {"park", 4}, {"unpark", 4}, {"exit", 3}, {"flush", 4}, {"parked_stack", 3}};
  for (const auto& [name, count] : expected) {
    ASSERT_EQ(probes.count(name), 1u) << name;
    const Probe& probe = probes[name];
    EXPECT_NE(probe.semaphore, 0u) << name;
    std::istringstream arguments(probe.arguments);
    const std::vector<std::string> list{std::istream_iterator<std::string>(arguments), {}};
    EXPECT_EQ(list.size(), count) << probe.arguments;
    for (const std::string& argument : list) {
      EXPECT_EQ(argument.rfind("8@", 0), 0u) << argument;  // eight bytes, unsigned
    }
#if defined(__x86_64__)
    EXPECT_EQ(binary.loaded<unsigned char>(probe.location), 0x90) << name;
    EXPECT_EQ(binary.loaded<std::uint16_t>(probe.semaphore), 0) << name;
    for (const std::string& argument : list) EXPECT_EQ(argument.rfind("8@%r", 0), 0u) << argument;
#endif
  }
}

TEST_P(NotesTest, EachProbeIsAtANopInAFunctionOfItsOwn) {
  const Binary binary(GetParam());
  const std::vector<Symbol> functions = binary.functions();
  const std::map<std::string, Probe> probes = probes_of(binary);
  ASSERT_EQ(probes.size(), 6u);
  ASSERT_EQ(functions.empty(), GetParam().find("stripped") != std::string::npos);
  for (const auto& [name, probe] : probes) {
    SCOPED_TRACE(name);
    // On aarch64 every instruction has four bytes.
#if defined(__aarch64__)
    EXPECT_EQ(probe.location % 4, 0u);
    EXPECT_EQ(binary.loaded<std::uint32_t>(probe.location), 0xd503201fu);
#endif
    if (functions.empty()) continue;  // else it is as it was
    const std::string mangled = "_ZN4coro6detail6probes" + std::to_string(name.size()) + name + "E";
    std::vector<Symbol> around;
    for (const Symbol& function : functions) {
      if (probe.location - function.address < function.size) around.push_back(function);
    }
    ASSERT_EQ(around.size(), 1u);
    EXPECT_EQ(around[0].name.rfind(mangled, 0), 0u) << around[0].name;
#if defined(__x86_64__)
    expect_one_byte_nop(instructions(GetParam(), around[0]), probe.location);
#endif
  }
}
#endif

}  // namespace
