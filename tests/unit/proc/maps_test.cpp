// SPDX-License-Identifier: Apache-2.0
#include "proc/maps.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "child.h"

namespace coroscope {
namespace {

TEST(ParseMaps, ReadsEveryField) {
  size_t skipped = 99;
  const std::vector<Mapping> maps = parse_maps(
      "00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/a b (deleted)\n"
      "7ffc0000-7ffd0000 rw-p 00000000 00:00 0                          [stack]\n"
      "7ffe0000-7ffe1000 ---s 00000000 fd:100 18446744073709551615\n"
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n",
      &skipped);
  ASSERT_EQ(maps.size(), 4u);
  EXPECT_EQ(skipped, 0u);
  EXPECT_EQ(maps[0].start, 0x400000u);
  EXPECT_EQ(maps[0].end, 0x452000u);
  EXPECT_EQ(maps[0].offset, 0x1000u);
  EXPECT_TRUE(maps[0].readable && maps[0].executable && !maps[0].writable);
  EXPECT_EQ(maps[0].device, uint64_t{8} << 32 | 2);
  EXPECT_EQ(maps[0].inode, 173521u);
  EXPECT_EQ(maps[0].path, "/usr/bin/a b");
  EXPECT_TRUE(maps[0].deleted);
  EXPECT_EQ(maps[1].path, "[stack]");
  EXPECT_FALSE(maps[1].deleted);
  EXPECT_EQ(maps[2].device, uint64_t{0xfd} << 32 | 0x100);
  EXPECT_EQ(maps[2].inode, UINT64_MAX);
  EXPECT_TRUE(maps[2].path.empty());
  EXPECT_EQ(maps[3].end, 0xffffffffff601000u);
}

TEST(ParseMaps, LeavesOutMalformedLinesAndCountsThem) {
  const char* lines[] = {
      "nonsense",
      "-",
      "400000",
      "400000-",
      "400000-500000",
      "400000-500000 r-xp",
      "400000-500000 r-x 0 08:02 1",
      "400000-500000 r-xp zz 08:02 1",
      "400000-500000 r-xp 0 0802 1",
      "400000-500000 r-xp 0 08:02",
      "400000-500000 r-xp 0 08:02 1x",
      "500000-400000 r-xp 0 08:02 1",
      "400000-400000 r-xp 0 08:02 1",
      "1ffffffffffffffff-2ffffffffffffffff r-xp 0 08:02 1",
      "400000-500000 r-xp 0 1ffffffff:02 1",
  };
  std::string text;
  for (const char* line : lines) text.append(line).append("\n");
  text += "400000-500000 r-xp 0 08:02 1 /good";  // without a newline
  size_t skipped = 0;
  const std::vector<Mapping> maps = parse_maps(text, &skipped);
  ASSERT_EQ(maps.size(), 1u);
  EXPECT_EQ(maps[0].path, "/good");
  EXPECT_EQ(skipped, std::size(lines));
}

TEST(ParseMaps, TakesAnyBytes) {
  std::string text;
  for (int i = 0; i < 4096; i++) text += static_cast<char>(i * 37);
  EXPECT_TRUE(parse_maps(text).empty());
  EXPECT_TRUE(parse_maps("").empty());
  EXPECT_TRUE(parse_maps("\n\n\n").empty());
}

TEST(FindMapping, KnowsHolesAndEdges) {
  const std::vector<Mapping> maps = parse_maps("1000-2000 r--p 0 0:0 0\n3000-4000 r--p 0 0:0 0\n");
  EXPECT_EQ(find_mapping(maps, 0xfff), nullptr);
  EXPECT_EQ(find_mapping(maps, 0x1000), &maps[0]);
  EXPECT_EQ(find_mapping(maps, 0x1fff), &maps[0]);
  EXPECT_EQ(find_mapping(maps, 0x2000), nullptr);
  EXPECT_EQ(find_mapping(maps, 0x3fff), &maps[1]);
  EXPECT_EQ(find_mapping(maps, UINT64_MAX), nullptr);
  EXPECT_EQ(find_mapping({}, 1), nullptr);
}

TEST(ReadMaps, FindsAPageOfOurs) {
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  const Result<Process> self = Process::open(::getpid());
  ASSERT_TRUE(self.ok());
  const Result<std::vector<Mapping>> maps = read_maps(*self);
  ASSERT_TRUE(maps.ok()) << maps.error().message;
  const Mapping* mapping = find_mapping(*maps, reinterpret_cast<uint64_t>(page));
  ASSERT_NE(mapping, nullptr);
  EXPECT_TRUE(mapping->readable && mapping->writable && !mapping->executable);
  ::munmap(page, 4096);
}

TEST(ReadMaps, SaysWhenTheTargetHasEnded) {
  Child child;
  const Result<Process> process = Process::open(child.pid());
  ASSERT_TRUE(process.ok());
  child.kill();
  const Result<std::vector<Mapping>> maps = read_maps(*process);
  ASSERT_FALSE(maps.ok());
  EXPECT_EQ(maps.error().kind, ErrorKind::target_gone);
}

}  // namespace
}  // namespace coroscope
