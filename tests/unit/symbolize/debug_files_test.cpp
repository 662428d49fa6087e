// SPDX-License-Identifier: Apache-2.0
#include "symbolize/debug_files.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "parked_target.h"
#include "symbolize/debug_modules.h"
#include "symbolize/symbolizer.h"

namespace coroscope {
namespace {

namespace fs = std::filesystem;

// What hangs is ended by SIGALRM.
class DebugFiles : public testing::Test {
 protected:
  DebugFiles() {
    std::string pattern = (fs::temp_directory_path() / "coroscope.XXXXXX").string();
    const char* made = ::mkdtemp(pattern.data());
    directory_ = made == nullptr ? "" : made;
    ::alarm(30);
  }
  ~DebugFiles() override {
    ::alarm(0);
    std::error_code ignored;
    if (!directory_.empty()) fs::remove_all(directory_, ignored);
  }

  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::string copy(const std::string& variant) const {
    fs::copy_file(std::string(PARKED_DIRECTORY "/parked_") + variant, directory_ / "program");
    return path("program");
  }
  std::string fifo(const std::string& name) const {
    EXPECT_EQ(::mkfifo(path(name).c_str(), 0600), 0);
    return path(name);
  }
  static void objcopy(const std::string& arguments) {
    EXPECT_EQ(std::system((COROSCOPE_OBJCOPY " " + arguments).c_str()), 0);
  }

  fs::path directory_;
};

TEST_F(DebugFiles, OpensNothingButRegularFiles) {
  EXPECT_FALSE(open_regular(fifo("fifo")));
  EXPECT_FALSE(open_regular("/dev/null"));
  EXPECT_FALSE(open_regular(directory_.string()));
  EXPECT_FALSE(open_regular(path("nothing")));
  fs::create_symlink(path("fifo"), path("link"));
  EXPECT_FALSE(open_regular(path("link")));
  EXPECT_TRUE(open_regular(copy("nofp")));
}

TEST_F(DebugFiles, AFifoForADebugLinkIsPassedOver) {
  const std::string program = copy("debuglink");
  fifo("parked_debuglink.debug");
  fs::create_directory(path(".debug"));
  fifo(".debug/parked_debuglink.debug");
  ParkedTarget target(program);
  ASSERT_TRUE(target.valid());
  const auto symbolizer = Symbolizer::open(target.process(), target.memory());
  ASSERT_TRUE(symbolizer.ok());
  EXPECT_FALSE((*symbolizer)->frames(target.parked().pc, false).empty());
}

TEST_F(DebugFiles, TheFileBehindTheFifoIsFound) {
  const std::string program = copy("debuglink");
  fifo("parked_debuglink.debug");
  fs::create_directory(path(".debug"));
  fs::copy_file(PARKED_DIRECTORY "/parked_debuglink.debug", path(".debug/parked_debuglink.debug"));
  ParkedTarget target(program);
  ASSERT_TRUE(target.valid());
  const auto symbolizer = Symbolizer::open(target.process(), target.memory());
  ASSERT_TRUE(symbolizer.ok());
  EXPECT_EQ((*symbolizer)->frames(target.parked().pc, false).front().function, "park_here");
}

TEST_F(DebugFiles, LinksAreCheckedByChecksum) {
  const std::string program = copy("nofp");
  std::ofstream(path("x.debug")) << std::ifstream(program).rdbuf();
  DebugFileQuery query;
  query.module_path = program;
  query.debug_link = "x.debug";
  std::string found;
  EXPECT_FALSE(find_debug_file(query, &found));
  // The checksum that objcopy computes is at the end of .gnu_debuglink.
  objcopy("--add-gnu-debuglink=" + path("x.debug") + " " + program + " " + path("linked"));
  objcopy("-O binary --only-section=.gnu_debuglink --set-section-flags .gnu_debuglink=alloc " +
          path("linked") + " " + path("section"));
  std::ifstream section(path("section"), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(section), {}};
  ASSERT_GE(bytes.size(), sizeof query.checksum);
  std::memcpy(&query.checksum, bytes.data() + bytes.size() - sizeof query.checksum,
              sizeof query.checksum);
  EXPECT_TRUE(find_debug_file(query, &found));
  EXPECT_EQ(found, path("x.debug"));
  query.debug_link = "../" + directory_.filename().string() + "/x.debug";
  EXPECT_FALSE(find_debug_file(query, &found));
}

// libdw would open the name by itself when it first meets a reference.
TEST_F(DebugFiles, AFifoForAnAlternateFileIsPassedOver) {
  const std::string program = copy("nofp");
  std::ofstream(path("section"), std::ios::binary)
      << fifo("alternate") << '\0' << "01234567890123456789";
  objcopy("--add-section .gnu_debugaltlink=" + path("section") + " " + program);
  ParkedTarget target(program);
  ASSERT_TRUE(target.valid());
  const auto modules = DebugModules::open(target.process(), target.memory());
  ASSERT_TRUE(modules.ok());
  DebugModules::Entry* entry = (*modules)->find(target.parked().pc);
  ASSERT_NE(entry, nullptr);
  (*modules)->prepare_dwarf(entry);
  ASSERT_TRUE(entry->dwarf);
  Dwarf_Addr bias = 0;
  Dwarf* alternate = dwarf_getalt(dwfl_module_getdwarf(entry->dwfl, &bias));
  ASSERT_NE(alternate, nullptr);
  Dwarf_Die die;
  EXPECT_EQ(dwarf_offdie(alternate, 11, &die), nullptr);
}

TEST_F(DebugFiles, ASectionThatInflatesBeyondReasonIsRefused) {
  const std::string program = copy("nofp");
  objcopy("--compress-debug-sections " + program);
  const uint64_t size = inflated_size(open_regular(program).get());
  EXPECT_GT(size, 0u);
  EXPECT_LT(size, 64u << 20);

  std::fstream file(program, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  Elf64_Ehdr header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  for (size_t i = 0; i < header.e_shnum; i++) {
    Elf64_Shdr section{};
    std::memcpy(&section, bytes.data() + header.e_shoff + i * sizeof section, sizeof section);
    if ((section.sh_flags & SHF_COMPRESSED) == 0) continue;
    const uint64_t huge = uint64_t{1} << 33;
    file.seekp(static_cast<std::streamoff>(section.sh_offset + offsetof(Elf64_Chdr, ch_size)));
    file.write(reinterpret_cast<const char*>(&huge), sizeof huge);
    break;
  }
  file.close();
  EXPECT_EQ(inflated_size(open_regular(program).get()), UINT64_MAX);
  // What is loaded of it still serves to unwind.
  ParkedTarget target(program);
  ASSERT_TRUE(target.valid());
  const auto symbolizer = Symbolizer::open(target.process(), target.memory());
  ASSERT_TRUE(symbolizer.ok());
  EXPECT_EQ((*symbolizer)->frames(target.parked().pc, false).size(), 1u);
  EXPECT_TRUE((*symbolizer)->debug_modules().find(target.parked().pc)->usable);
}

TEST_F(DebugFiles, WhatIsNoElfFileIsRefused) {
  std::ofstream(path("text")) << "no ELF file, but \x1f\x8b is what gzip begins with";
  EXPECT_EQ(inflated_size(open_regular(path("text")).get()), UINT64_MAX);
  std::ofstream(path("short")) << "\x7f"
                                  "ELF";
  EXPECT_EQ(inflated_size(open_regular(path("short")).get()), UINT64_MAX);
  EXPECT_EQ(inflated_size(-1), UINT64_MAX);
}

}  // namespace
}  // namespace coroscope
