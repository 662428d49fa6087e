// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>

#include "proc/modules.h"

namespace coroscope {
namespace {

constexpr uint64_t base = 0x10000;

// Bytes of a note section, written as the sizes are given: they may lie.
class NoteBytes {
 public:
  NoteBytes& note(uint32_t name_size, uint32_t description_size, uint32_t type,
                  std::string_view name, std::string_view description) {
    word(name_size);
    word(description_size);
    word(type);
    text(name);
    text(description);
    return *this;
  }
  NoteBytes& good(uint32_t type, std::string_view name, std::string_view description) {
    const std::string terminated(name.data(), name.size());
    return note(static_cast<uint32_t>(name.size() + 1), static_cast<uint32_t>(description.size()),
                type, terminated + '\0', description);
  }
  std::vector<ElfNote> read(uint64_t claimed = 0) const {
    SnapshotMemory memory;
    memory.add(base, bytes_.data(), bytes_.size());
    Module module;
    module.note_segments.push_back({base, claimed == 0 ? bytes_.size() : claimed});
    return read_notes(memory, module);
  }

 private:
  void word(uint32_t value) {
    char text[4];
    std::memcpy(text, &value, 4);
    bytes_.append(text, 4);
  }
  void text(std::string_view text) {
    bytes_ += text;
    while (bytes_.size() % 4 != 0) bytes_ += '\0';
  }
  std::string bytes_;
};

TEST(ReadNotes, GivesOwnerTypeDescriptionAndAddress) {
  const auto notes =
      NoteBytes().good(3, "GNU", "12345").good(1, "coro", "abcdefgh").good(7, "", "").read();
  ASSERT_EQ(notes.size(), 3u);
  EXPECT_EQ(notes[0].owner, "GNU");
  EXPECT_EQ(notes[0].type, 3u);
  EXPECT_EQ(notes[0].description.size(), 5u);
  EXPECT_EQ(notes[0].description_address, base + 16);
  EXPECT_EQ(notes[1].owner, "coro");
  EXPECT_EQ(notes[1].description_address, base + 24 + 12 + 8);
  EXPECT_EQ(notes[1].description[7], std::byte{'h'});
  EXPECT_EQ(notes[2].owner, "");
  EXPECT_TRUE(notes[2].description.empty());
}

TEST(ReadNotes, StopsAtSizesThatCanNotBe) {
  const uint32_t sizes[] = {0xffffffff, 0xfffffffe, 0xfffffffd, 0x80000000, 0x7fffffff, 1000, 29};
  for (const uint32_t size : sizes) {
    EXPECT_EQ(NoteBytes().good(1, "a", "b").note(size, 4, 1, "coro", "desc").read().size(), 1u);
    EXPECT_EQ(NoteBytes().good(1, "a", "b").note(4, size, 1, "coro", "desc").read().size(), 1u);
    EXPECT_EQ(NoteBytes().good(1, "a", "b").note(size, size, 1, "coro", "desc").read().size(), 1u);
  }
}

TEST(ReadNotes, TakesALastDescriptionWithoutPadding) {
  SnapshotMemory memory;
  const char bytes[] = "\1\0\0\0\5\0\0\0\2\0\0\0\0\0\0\0abcde";
  memory.add(base, bytes, sizeof bytes - 1);
  Module module;
  module.note_segments.push_back({base, sizeof bytes - 1});
  const auto notes = read_notes(memory, module);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].description.size(), 5u);
}

TEST(ReadNotes, BoundsBytesAndCount) {
  NoteBytes many;
  for (int i = 0; i < 5000; i++) many.good(1, "", "");
  EXPECT_EQ(many.read().size(), max_notes);

  // A segment that claims to be huge is read up to the bound, and then fails
  // as a whole if that much is not there.
  NoteBytes one;
  one.good(1, "coro", "x");
  EXPECT_TRUE(one.read(UINT64_MAX).empty());

  SnapshotMemory memory;
  memory.add(base, std::vector<std::byte>(4 * max_note_bytes));
  Module module;
  for (int i = 0; i < 4; i++) module.note_segments.push_back({base, UINT64_MAX});
  EXPECT_LE(read_notes(memory, module).size(), max_notes);
}

TEST(ReadNotes, CountsBytesNamedTwiceOnce) {
  SnapshotMemory memory;
  const char bytes[] = "\1\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0a\0\0\0";
  memory.add(base, bytes, sizeof bytes - 1);
  Module module;
  module.note_segments = {{base, sizeof bytes - 1}, {base, sizeof bytes - 1}};
  EXPECT_EQ(read_notes(memory, module).size(), 1u);
}

TEST(Hex, IsLowerCase) {
  EXPECT_EQ(hex({std::byte{0x0a}, std::byte{0xFF}}), "0aff");
}

}  // namespace
}  // namespace coroscope
