// SPDX-License-Identifier: Apache-2.0
#include <elf.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include "parked_target.h"
#include "symbolize/debug_files.h"
#include "symbolize/memory_image.h"
#include "symbolize/unwinder.h"

namespace coroscope {
namespace {

// Serves the target's memory, but not its ELF headers as they are.
class BentMemory : public Memory {
 public:
  BentMemory(const Memory& memory, uint64_t at, uint64_t word)
      : memory_(memory), at_(at), word_(word) {}

  bool read(uint64_t address, void* to, size_t size) const override {
    if (!memory_.read(address, to, size)) return false;
    for (size_t i = 0; i < sizeof word_; i++) {
      const uint64_t offset = at_ + i - address;
      if (offset < size) {
        static_cast<uint8_t*>(to)[offset] = static_cast<uint8_t>(word_ >> (8 * i));
      }
    }
    return true;
  }

 private:
  const Memory& memory_;
  uint64_t at_;
  uint64_t word_;
};

// Each word of the ELF header and program headers in turn is nonsense.
TEST(HostileHeaders, NeverCrashOrHang) {
  ParkedTarget target(PARKED_DIRECTORY "/parked_nofp");
  ASSERT_TRUE(target.valid());
  const Result<std::vector<Module>> modules = list_modules(target.process(), target.memory());
  ASSERT_TRUE(modules.ok());
  const Module* module = find_module(*modules, target.parked().pc);
  ASSERT_NE(module, nullptr);
  const std::vector<std::byte> stack = target.stack();
  for (uint64_t at = module->start + 16; at < module->start + 64 + 13 * 56; at += 8) {
    for (const uint64_t word : {uint64_t{0}, UINT64_MAX, uint64_t{1} << 62, uint64_t{0x1000}}) {
      const BentMemory bent(target.memory(), at, word);
      (void)read_file_image(bent, *module);
      Result<std::unique_ptr<Symbolizer>> symbolizer = Symbolizer::open(target.process(), bent);
      if (!symbolizer.ok()) continue;
      Unwinder unwinder(**symbolizer);
      const Parked& parked = target.parked();
      const UnwoundStack unwound = unwinder.unwind(parked.pc, parked.sp, parked.sp, stack);
      ASSERT_FALSE(unwound.pcs.empty());
      ASSERT_FALSE((*symbolizer)->frames(parked.pc, false).empty());
    }
  }
}

// Readable everywhere, with an ELF header whose every segment is the same large one.
class OverlappingSegments : public Memory {
 public:
  OverlappingSegments() {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = segments;
    std::memcpy(file_.data(), &header, sizeof header);
    const Elf64_Phdr segment{PT_LOAD, PF_R, 0, 0, 0, 60 << 20, 60 << 20, 4096};
    for (size_t i = 0; i < segments; i++) {
      std::memcpy(file_.data() + sizeof header + i * sizeof segment, &segment, sizeof segment);
    }
  }

  bool read(uint64_t address, void* to, size_t size) const override {
    bytes += size;
    if (address + size <= file_.size()) std::memcpy(to, file_.data() + address, size);
    return true;
  }

  mutable uint64_t bytes = 0;

 private:
  static constexpr size_t segments = 200;
  std::vector<std::byte> file_ =
      std::vector<std::byte>(sizeof(Elf64_Ehdr) + segments * sizeof(Elf64_Phdr));
};

TEST(HostileHeaders, NothingIsReadOverAndOver) {
  const OverlappingSegments memory;
  EXPECT_TRUE(read_file_image(memory, Module{}).empty());
  EXPECT_LT(memory.bytes, 64u << 20);
}

// A sparse file takes no room on a disk, but would take as much memory as it says.
class SparseProgram {
 public:
  SparseProgram() : file_(::memfd_create("hostile", MFD_CLOEXEC)) {
    std::ifstream program(PARKED_DIRECTORY "/parked_nofp", std::ios::binary);
    std::ostringstream bytes;
    bytes << program.rdbuf();
    bytes_ = bytes.str();
  }

  Elf64_Ehdr& header() { return *reinterpret_cast<Elf64_Ehdr*>(bytes_.data()); }
  Elf64_Shdr& section(size_t index) {
    return reinterpret_cast<Elf64_Shdr*>(bytes_.data() + header().e_shoff)[index];
  }
  template <typename T>
  void write(uint64_t offset, const T& value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof value);
  }
  uint64_t inflated() {
    EXPECT_EQ(::pwrite(fd(), bytes_.data(), bytes_.size(), 0), std::ssize(bytes_));
    EXPECT_EQ(::ftruncate(fd(), off_t{4} << 30), 0);
    return inflated_size(fd());
  }

 private:
  int fd() const { return file_.get(); }

  Fd file_;
  std::string bytes_;
};

TEST(HostileSections, AreNotReadToSeeHowLargeTheyAre) {
  SparseProgram as_it_is;
  EXPECT_LT(as_it_is.inflated(), 1u << 20);

  SparseProgram names;
  names.section(names.header().e_shstrndx).sh_size = uint64_t{3} << 30;
  EXPECT_EQ(names.inflated(), UINT64_MAX);

  SparseProgram many;
  many.header().e_shnum = 0;
  many.section(0).sh_size = 1 << 25;
  EXPECT_EQ(many.inflated(), UINT64_MAX);

  many.header().e_ident[EI_CLASS] = ELFCLASS32;
  EXPECT_EQ(many.inflated(), UINT64_MAX) << "where the number is elsewhere";

  SparseProgram segments;
  segments.header().e_phnum = PN_XNUM;
  segments.section(0).sh_info = 1 << 25;
  EXPECT_EQ(segments.inflated(), UINT64_MAX);

  SparseProgram inflated_names;
  inflated_names.section(inflated_names.header().e_shstrndx).sh_flags |= SHF_COMPRESSED;
  EXPECT_EQ(inflated_names.inflated(), UINT64_MAX);

  SparseProgram notes;
  notes.section(2).sh_type = SHT_NOTE;
  notes.section(2).sh_size = 1 << 30;
  EXPECT_EQ(notes.inflated(), UINT64_MAX);

  SparseProgram other_way_round;
  other_way_round.header().e_ident[EI_DATA] = ELFDATA2MSB;
  EXPECT_EQ(other_way_round.inflated(), UINT64_MAX);

  // The size is in the first bytes of what is compressed.
  SparseProgram compressed;
  Elf64_Shdr& section = compressed.section(1);
  const uint64_t begin = section.sh_offset;
  section.sh_size = uint64_t{3} << 30;
  section.sh_flags |= SHF_COMPRESSED;
  Elf64_Chdr says{ELFCOMPRESS_ZLIB, 0, 12345, 1};
  compressed.write(begin, says);
  EXPECT_EQ(compressed.inflated(), 12345 + as_it_is.inflated());
}

}  // namespace
}  // namespace coroscope
