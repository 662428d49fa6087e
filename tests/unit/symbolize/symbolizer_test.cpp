// SPDX-License-Identifier: Apache-2.0
#include "symbolize/symbolizer.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "parked_target.h"
#include "symbolize/memory_image.h"
#include "symbolize/unwinder.h"
#include "util/clock.h"

namespace coroscope {
namespace {

namespace fs = std::filesystem;

// Copies of programs, for tests that delete them while they run.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (fs::temp_directory_path() / "coroscope.XXXXXX").string();
    const char* made = ::mkdtemp(pattern.data());
    directory_ = made == nullptr ? "" : made;
  }
  ~Scratch() {
    std::error_code ignored;
    if (!directory_.empty()) fs::remove_all(directory_, ignored);
  }
  std::string copy(const std::string& path, const std::string& as) {
    const fs::path to = directory_ / as;
    fs::copy_file(path, to, fs::copy_options::overwrite_existing);
    return to.string();
  }

 private:
  fs::path directory_;
};

std::unique_ptr<Symbolizer> open_symbolizer(const ParkedTarget& target) {
  Result<std::unique_ptr<Symbolizer>> symbolizer =
      Symbolizer::open(target.process(), target.memory());
  EXPECT_TRUE(symbolizer.ok()) << symbolizer.error().message;
  return symbolizer.ok() ? std::move(*symbolizer) : nullptr;
}

// The short names of the physical functions of the parked stack.
std::vector<std::string> names(const ParkedTarget& target, Symbolizer& symbolizer) {
  Unwinder unwinder(symbolizer);
  const Parked& parked = target.parked();
  const UnwoundStack unwound = unwinder.unwind(parked.pc, parked.sp, parked.sp, target.stack());
  EXPECT_EQ(unwound.end, StackEnd::complete) << stack_end_name(unwound.end);
  std::vector<std::string> result;
  for (size_t i = 0; i < unwound.pcs.size(); i++) {
    result.push_back(display_name(symbolizer.frames(unwound.pcs[i], i > 0).back()));
  }
  return result;
}

const std::string program = PARKED_DIRECTORY "/parked_nofp";
const std::string plugin = PARKED_DIRECTORY "/parked_plugin.so";

TEST(Symbolizer, FindsAModuleThatIsLoadedLater) {
  ParkedTarget target(program, {plugin});
  ASSERT_TRUE(target.valid());
  const std::unique_ptr<Symbolizer> symbolizer = open_symbolizer(target);
  ASSERT_EQ(names(target, *symbolizer)[1], "demo::run_plugin");
  const size_t before = symbolizer->modules().size();
  ASSERT_TRUE(target.next());
  const std::vector<std::string> found = names(target, *symbolizer);
  ASSERT_GE(found.size(), 4u);
  EXPECT_EQ(found[0], "park_here");
  EXPECT_EQ(found[1], "plugin_entry");
  EXPECT_EQ(found[2], "demo::run_plugin");
  EXPECT_EQ(found[3], "main");
  EXPECT_GT(symbolizer->modules().size(), before);
}

// Its lines would cost more than all the rest; libraries that only sound like it have theirs.
TEST(Symbolizer, OfTheCLibraryThereAreNamesOnly) {
  for (const auto& [name, has_lines] :
       {std::pair("libc.so.9", false), std::pair("libc-2.31.so", false),
        std::pair("libc-client.so", true), std::pair("libcoro.so", true)}) {
    SCOPED_TRACE(name);
    Scratch scratch;
    ParkedTarget target(program, {scratch.copy(plugin, name)});
    ASSERT_TRUE(target.valid() && target.next());
    const std::unique_ptr<Symbolizer> symbolizer = open_symbolizer(target);
    Unwinder unwinder(*symbolizer);
    const Parked& parked = target.parked();
    const UnwoundStack unwound = unwinder.unwind(parked.pc, parked.sp, parked.sp, target.stack());
    const Frame frame = symbolizer->frames(unwound.pcs.at(1), true).back();
    EXPECT_EQ(display_name(frame), "plugin_entry");
    EXPECT_EQ(frame.line > 0, has_lines);
  }
}

TEST(Symbolizer, WorksWhenTheFilesAreDeleted) {
  Scratch scratch;
  const std::string copy = scratch.copy(program, "program");
  const std::string library = scratch.copy(plugin, "library.so");
  ParkedTarget target(copy, {library});
  ASSERT_TRUE(target.valid());
  ASSERT_TRUE(target.next());
  fs::remove(copy);
  fs::remove(library);
  const std::unique_ptr<Symbolizer> symbolizer = open_symbolizer(target);
  const std::vector<std::string> found = names(target, *symbolizer);
  EXPECT_EQ(found[1], "plugin_entry");
  EXPECT_EQ(found[2], "demo::run_plugin");
  const Module* module = find_module(symbolizer->modules(), target.parked().pc);
  ASSERT_NE(module, nullptr);
  EXPECT_TRUE(module->deleted);
  EXPECT_TRUE(module->main_executable);
  EXPECT_EQ(module->path, copy);
}

// An upgrade puts another file in the place of the one that runs.
TEST(Symbolizer, IsNotFooledByAReplacedFile) {
  Scratch scratch;
  const std::string copy = scratch.copy(program, "program");
  const std::string library = scratch.copy(plugin, "library.so");
  ParkedTarget target(copy, {library});
  ASSERT_TRUE(target.valid());
  ASSERT_TRUE(target.next());
  fs::remove(library);
  scratch.copy(PARKED_DIRECTORY "/parked_clang", "library.so");
  const std::unique_ptr<Symbolizer> symbolizer = open_symbolizer(target);
  EXPECT_EQ(names(target, *symbolizer)[1], "plugin_entry");
}

TEST(Symbolizer, NamesTheVdso) {
  const Result<Process> self = Process::open(::getpid());
  ASSERT_TRUE(self.ok());
  const Result<ProcessMemory> memory = ProcessMemory::open(*self);
  ASSERT_TRUE(memory.ok());
  Result<std::unique_ptr<Symbolizer>> symbolizer = Symbolizer::open(*self, *memory);
  ASSERT_TRUE(symbolizer.ok()) << symbolizer.error().message;
  const Module* vdso = find_module((*symbolizer)->modules(), ::getauxval(AT_SYSINFO_EHDR));
  ASSERT_NE(vdso, nullptr);
  // Some function of it must have a name; every address has a frame.
  size_t named = 0;
  for (uint64_t pc = vdso->start; pc < vdso->end; pc += 16) {
    const std::vector<Frame>& frames = (*symbolizer)->frames(pc, false);
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].module, "[vdso]");
    if (frames[0].function.find("clock_gettime") != std::string::npos) named++;
  }
  EXPECT_GT(named, 0u);
}

bool is_mapped(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.ends_with(path)) return true;
  }
  return false;
}

TEST(Symbolizer, RestsAndGoesOn) {
  ParkedTarget target(program, {});
  ASSERT_TRUE(target.valid());
  const std::unique_ptr<Symbolizer> symbolizer = open_symbolizer(target);
  const uint64_t begun = monotonic_ns();
  EXPECT_FALSE(symbolizer->rest(begun + 3600'000'000'000)) << "nothing was read yet";
  const std::vector<std::string> before = names(target, *symbolizer);
  EXPECT_TRUE(is_mapped(program));
  EXPECT_FALSE(symbolizer->rest(begun));
  EXPECT_TRUE(symbolizer->rest(monotonic_ns() + 3600'000'000'000));
  EXPECT_FALSE(is_mapped(program));
  // From what is known, then from the file: another address of the same function.
  EXPECT_EQ(names(target, *symbolizer), before);
  const std::string known = display_name(symbolizer->frames(target.parked().pc, false).back());
  EXPECT_EQ(display_name(symbolizer->frames(target.parked().pc, true).back()), known);
  EXPECT_TRUE(is_mapped(program));
  // Before three seconds have passed only if others want the memory.
  EXPECT_FALSE(symbolizer->rests());
  EXPECT_FALSE(symbolizer->rest(monotonic_ns() + 2'500'000'000));
  EXPECT_TRUE(symbolizer->rest(monotonic_ns() + 2'500'000'000, true));
  EXPECT_TRUE(symbolizer->rests());
  EXPECT_EQ(names(target, *symbolizer), before);
}

TEST(Symbolizer, GivesTheAddressIfThereIsNoModule) {
  ParkedTarget target(program);
  ASSERT_TRUE(target.valid());
  const std::unique_ptr<Symbolizer> symbolizer = open_symbolizer(target);
  for (const uint64_t pc : {uint64_t{0}, uint64_t{1}, target.parked().sp, UINT64_MAX}) {
    const std::vector<Frame>& frames = symbolizer->frames(pc, true);
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].address, pc);
    EXPECT_TRUE(frames[0].module.empty());
    EXPECT_TRUE(format(frames[0]).starts_with("0x"));
  }
}

TEST(Symbolizer, SaysWhenTheTargetHasEnded) {
  ParkedTarget target(program);
  ASSERT_TRUE(target.valid());
  target.kill();
  const auto symbolizer = Symbolizer::open(target.process(), target.memory());
  ASSERT_FALSE(symbolizer.ok());
  EXPECT_EQ(symbolizer.error().kind, ErrorKind::target_gone);
}

// Every address of the program: no frame list is empty, nothing crashes, and
// inlined functions always lead to a physical one.
TEST(Symbolizer, SweepsAWholeProgram) {
  ParkedTarget target(PARKED_DIRECTORY "/parked_clang");
  ASSERT_TRUE(target.valid());
  const std::unique_ptr<Symbolizer> symbolizer = open_symbolizer(target);
  const Module main = *find_module(symbolizer->modules(), target.parked().pc);
  for (uint64_t pc = main.start; pc < main.end; pc++) {
    const std::vector<Frame>& frames = symbolizer->frames(pc, false);
    ASSERT_FALSE(frames.empty());
    EXPECT_FALSE(frames.back().inlined);
    EXPECT_EQ(frames.back().offset, pc - main.bias);
  }
}

TEST(ReadFileImage, IsTheFileAsFarAsItIsLoaded) {
  ParkedTarget target(program);
  ASSERT_TRUE(target.valid());
  const std::unique_ptr<Symbolizer> symbolizer = open_symbolizer(target);
  const Module* module = find_module(symbolizer->modules(), target.parked().pc);
  const std::vector<std::byte> image = read_file_image(target.memory(), *module);
  ASSERT_GT(image.size(), sizeof(Elf64_Ehdr));
  std::string file;
  ASSERT_TRUE(read_text_file(program, &file));
  const uint64_t offset = target.parked().pc - module->bias;
  ASSERT_LT(offset + 8, image.size());
  EXPECT_EQ(std::memcmp(image.data() + offset, file.data() + offset, 8), 0);
}

}  // namespace
}  // namespace coroscope
