// SPDX-License-Identifier: Apache-2.0
#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "parked_target.h"
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

}  // namespace
}  // namespace coroscope
