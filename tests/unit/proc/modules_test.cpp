// SPDX-License-Identifier: Apache-2.0
#include "proc/modules.h"

#include <dlfcn.h>
#include <elf.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "child.h"

namespace coroscope {
namespace {

// An ELF image of two pages as it lies in memory: headers and a build id in the first,
// code in the second. Tests bend it before they have it read.
struct Image {
  static constexpr uint64_t base = 0x400000000;
  static constexpr size_t page = 0x1000;

  struct Headers {
    Elf64_Ehdr elf{};
    Elf64_Phdr segments[4]{};
    Elf64_Nhdr note{4, 4, NT_GNU_BUILD_ID};
    char note_name[4]{'G', 'N', 'U', '\0'};
    uint8_t build_id[4]{0xde, 0xad, 0xbe, 0xef};
  };

  Headers headers;
  std::vector<Mapping> mappings;

  Image() {
    Elf64_Ehdr& elf = headers.elf;
    std::memcpy(elf.e_ident, ELFMAG, SELFMAG);
    elf.e_ident[EI_CLASS] = ELFCLASS64;
    elf.e_ident[EI_DATA] = ELFDATA2LSB;
    elf.e_type = ET_DYN;
    elf.e_phoff = offsetof(Headers, segments);
    elf.e_phentsize = sizeof(Elf64_Phdr);
    elf.e_phnum = 4;
    headers.segments[0] = {PT_LOAD, PF_R, 0, 0, 0, page, page, page};
    headers.segments[1] = {PT_LOAD, PF_R | PF_X, page, page, page, page, page, page};
    headers.segments[2] = {PT_NOTE, PF_R, offsetof(Headers, note), offsetof(Headers, note), 0, 20,
                           20,      4};
    headers.segments[3] = {PT_GNU_STACK, PF_R, 0, 0, 0, 0, 0, 0};
    mappings = {mapping(base, 0, false), mapping(base + page, page, true)};
  }

  static Mapping mapping(uint64_t start, uint64_t offset, bool executable) {
    return {start, start + page, offset, true, false, executable, 1, 7, "/lib/x.so", false};
  }

  std::vector<Module> modules() const {
    SnapshotMemory memory;
    std::vector<std::byte> bytes(2 * page);
    std::memcpy(bytes.data(), &headers, sizeof headers);
    memory.add(base, std::move(bytes));
    return modules_in(mappings, memory);
  }
};

TEST(ModulesIn, FindsBoundsBiasAndBuildId) {
  const std::vector<Module> modules = Image().modules();
  ASSERT_EQ(modules.size(), 1u);
  EXPECT_EQ(modules[0].path, "/lib/x.so");
  EXPECT_EQ(modules[0].start, Image::base);
  EXPECT_EQ(modules[0].end, Image::base + 2 * Image::page);
  EXPECT_EQ(modules[0].bias, Image::base);
  EXPECT_EQ(hex(modules[0].build_id), "deadbeef");
}

TEST(ModulesIn, AProgramAtFixedAddressesHasNoBias) {
  Image image;
  image.headers.elf.e_type = ET_EXEC;
  for (Elf64_Phdr& segment : image.headers.segments) segment.p_vaddr += Image::base;
  const std::vector<Module> modules = image.modules();
  ASSERT_EQ(modules.size(), 1u);
  EXPECT_EQ(modules[0].bias, 0u);
  EXPECT_EQ(modules[0].start, Image::base);
}

TEST(ModulesIn, AFileThatIsOnlyReadIsNoModule) {
  Image image;
  image.mappings[1].executable = false;
  EXPECT_TRUE(image.modules().empty());
  image.mappings[1].executable = true;
  image.mappings[1].inode = 8;
  EXPECT_TRUE(image.modules().empty());
  image.mappings[1].inode = 0;  // text moved to huge pages
  EXPECT_EQ(image.modules().size(), 1u);
  image.mappings.pop_back();
  EXPECT_TRUE(image.modules().empty());
}

TEST(ModulesIn, LeavesNonsenseOut) {
  const std::function<void(Image::Headers&)> bends[] = {
      [](auto& h) { h.elf.e_ident[0] = 0; },
      [](auto& h) { h.elf.e_ident[EI_CLASS] = ELFCLASS32; },
      [](auto& h) { h.elf.e_ident[EI_DATA] = ELFDATA2MSB; },
      [](auto& h) { h.elf.e_type = ET_CORE; },
      [](auto& h) { h.elf.e_phnum = 0; },
      [](auto& h) { h.elf.e_phnum = 0xffff; },
      [](auto& h) { h.elf.e_phentsize = 1; },
      [](auto& h) { h.elf.e_phoff = UINT64_MAX; },
      [](auto& h) { h.elf.e_phoff = UINT64_MAX - Image::base; },
      [](auto& h) { h.elf.e_phoff = 0x100000; },
      [](auto& h) { h.segments[0].p_offset = Image::page; },
      [](auto& h) { h.segments[1].p_vaddr = UINT64_MAX - 100; },
      [](auto& h) { h.segments[1].p_memsz = UINT64_MAX; },
      [](auto& h) { h.segments[1].p_flags = PF_R; },
      [](auto& h) { h.segments[0].p_type = h.segments[1].p_type = PT_NULL; },
  };
  size_t number = 0;
  for (const auto& bend : bends) {
    Image image;
    bend(image.headers);
    EXPECT_TRUE(image.modules().empty()) << "bend " << number;
    number++;
  }
}

TEST(ModulesIn, NotesOutsideOfTheModuleAreNotRead) {
  const std::function<void(Elf64_Phdr&)> bends[] = {
      [](auto& note) { note.p_vaddr = 0x100000; },
      [](auto& note) { note.p_vaddr = UINT64_MAX - Image::base; },
      [](auto& note) { note.p_memsz = 0x100000; },
      [](auto& note) { note.p_memsz = 0; },
      [](auto& note) { note.p_memsz = 19; },
  };
  for (const auto& bend : bends) {
    Image image;
    bend(image.headers.segments[2]);
    const std::vector<Module> modules = image.modules();
    ASSERT_EQ(modules.size(), 1u);
    EXPECT_TRUE(modules[0].build_id.empty());
  }
}

// --- the truth: what the dynamic linker says of this very process

struct Linked {
  uint64_t bias;
  uint64_t code;
};

std::vector<Linked> linked_modules() {
  std::vector<Linked> linked;
  const auto add = [](dl_phdr_info* info, size_t, void* to) {
    for (int i = 0; i < info->dlpi_phnum; i++) {
      const ElfW(Phdr)& segment = info->dlpi_phdr[i];
      if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
      static_cast<std::vector<Linked>*>(to)->push_back(
          {info->dlpi_addr, info->dlpi_addr + segment.p_vaddr});
      break;
    }
    return 0;
  };
  ::dl_iterate_phdr(add, &linked);
  return linked;
}

TEST(ListModules, AgreesWithTheDynamicLinker) {
  const Result<Process> self = Process::open(::getpid());
  ASSERT_TRUE(self.ok());
  const Result<ProcessMemory> memory = ProcessMemory::open(*self);
  ASSERT_TRUE(memory.ok()) << memory.error().message;
  const Result<std::vector<Module>> modules = list_modules(*self, *memory);
  ASSERT_TRUE(modules.ok()) << modules.error().message;

  const std::vector<Linked> linked = linked_modules();
  EXPECT_EQ(modules->size(), linked.size());
  for (const Linked& expected : linked) {
    const Module* module = find_module(*modules, expected.code);
    ASSERT_NE(module, nullptr) << std::hex << expected.code;
    EXPECT_EQ(module->bias, expected.bias) << module->path;
    if (module->path == "[vdso]") {
      EXPECT_EQ(module->start, ::getauxval(AT_SYSINFO_EHDR));
      continue;
    }
    struct stat mapped {};
    struct stat opened {};
    ASSERT_EQ(::stat(module->path.c_str(), &mapped), 0);
    ASSERT_EQ(::stat(module->open_path.c_str(), &opened), 0) << module->path;
    EXPECT_EQ(mapped.st_ino, opened.st_ino);
    EXPECT_FALSE(module->build_id.empty()) << module->path;
  }
  const auto is_main = [](const Module& module) { return module.main_executable; };
  ASSERT_EQ(std::count_if(modules->begin(), modules->end(), is_main), 1);
  const Module& main = *std::find_if(modules->begin(), modules->end(), is_main);
  EXPECT_TRUE(main.path.ends_with("/unit_proc"));
  EXPECT_TRUE(main.open_path.ends_with("/exe"));
}

TEST(ListModules, SaysWhenTheTargetHasEnded) {
  Child child;
  const Result<Process> process = Process::open(child.pid());
  ASSERT_TRUE(process.ok());
  const Result<ProcessMemory> memory = ProcessMemory::open(*process);
  ASSERT_TRUE(memory.ok());
  child.kill();
  const Result<std::vector<Module>> modules = list_modules(*process, *memory);
  ASSERT_FALSE(modules.ok());
  EXPECT_EQ(modules.error().kind, ErrorKind::target_gone);
}

// Memory of one that ends once it is looked into.
class EndingMemory : public Memory {
 public:
  explicit EndingMemory(Child& child) : child_(child) {}
  bool read(uint64_t, void*, size_t) const override {
    child_.kill();
    return false;
  }

 private:
  Child& child_;
};

TEST(ListModules, SaysWhenTheTargetEndsMeanwhile) {
  Child child;
  const Result<Process> process = Process::open(child.pid());
  ASSERT_TRUE(process.ok());
  const Result<std::vector<Module>> modules = list_modules(*process, EndingMemory(child));
  ASSERT_FALSE(modules.ok());
  EXPECT_EQ(modules.error().kind, ErrorKind::target_gone) << modules.error().message;
}

}  // namespace
}  // namespace coroscope
