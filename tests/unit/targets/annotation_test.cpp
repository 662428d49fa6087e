// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/annotation_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "image.h"
#include "targets/coro/coro_target.h"

namespace coroscope::coro {
namespace {

using namespace std::string_literals;

class Annotations : public testing::Test {
 protected:
  uint64_t annotate(const std::string& text, uint32_t labels) {
    const coro_annotation head{static_cast<uint32_t>(text.size()), labels};
    std::string bytes(sizeof head, '\0');
    std::memcpy(bytes.data(), &head, sizeof head);
    bytes += text;
    const uint64_t address = image.put(bytes.data(), bytes.size());
    image.parked(0, 17).annotation = address;
    return address;
  }

  std::optional<Annotation> read(uint64_t id = 17) {
    return read_annotation(image, Image::slab_at, id);
  }

  Image image;
};

TEST_F(Annotations, NameAndLabelsAreRead) {
  annotate("worker\0tenant\0acme\0shard\0\0"s, 2);
  const auto annotation = read();
  ASSERT_TRUE(annotation);
  EXPECT_EQ(annotation->name, "worker");
  ASSERT_EQ(annotation->labels.size(), 2u);
  EXPECT_EQ(annotation->labels[0].key, "tenant");
  EXPECT_EQ(annotation->labels[0].value, "acme");
  EXPECT_EQ(annotation->labels[1].key, "shard");
  EXPECT_EQ(annotation->labels[1].value, "");
  EXPECT_FALSE(read(18)) << "another coroutine's";
}

TEST_F(Annotations, LabelsWithoutANameAre) {
  annotate("\0key\0value\0"s, 1);
  EXPECT_EQ(read()->name, "");
  EXPECT_EQ(read()->labels.size(), 1u);
}

TEST_F(Annotations, NonsenseIsNone) {
  const struct {
    std::string text;
    uint32_t labels;
  } cases[] = {{"", 0},           {"name", 0},      {"name\0rest"s, 0},
               {"name\0"s, 1},    {"name\0"s, ~0u}, {"name\0"s, 1u << 31},
               {"a\0b\0c\0"s, 0}, {"a\0b\0"s, 1},   {"a\0b\0c\0d"s, 1}};
  for (const auto& c : cases) {
    annotate(c.text, c.labels);
    EXPECT_FALSE(read()) << c.text;
  }
}

TEST_F(Annotations, UnreadableOnesAreNone) {
  const uint64_t good = annotate("name\0"s, 0);
  EXPECT_TRUE(read());
  const uint64_t end = Image::data_at + Image::data_size;
  for (const uint64_t address : {uint64_t{0}, uint64_t{0xdead0000}, ~uint64_t{0} - 3, end - 4}) {
    image.slab[0].annotation = address;
    EXPECT_FALSE(read()) << address;
  }
  image.slab[0].annotation = good;
  image.at<coro_annotation>(good).size = CORO_ANNOTATION_MAX + 1;
  EXPECT_FALSE(read());
  image.at<coro_annotation>(good).size = UINT32_MAX;
  EXPECT_FALSE(read());
}

TEST_F(Annotations, ThoseOfWhoMovesAllTheTimeAreNone) {
  const uint64_t address = annotate("name\0"s, 0);
  image.before_read = [&](uint64_t at, size_t) {
    if (at == address) image.slab[0].sequence += 2;
  };
  EXPECT_FALSE(read());
  int moves = 0;
  image.before_read = [&](uint64_t at, size_t) {
    if (at == address && ++moves == 1) image.slab[0].sequence += 2;
  };
  EXPECT_TRUE(read()) << "and of who moved once are read again";
}

TEST_F(Annotations, TheTargetFindsThemBySlot) {
  annotate("name\0"s, 0);
  image.parked(1, 18);
  auto process = Process::open(getpid());
  auto target = CoroTarget::open(
      *process, image, {{Image::descriptor_at, CORO_ABI_MAJOR, CORO_ABI_MINOR, "/proc/self/exe"}});
  EXPECT_EQ((*target)->census({})->annotated, 1u);
  EXPECT_EQ((*target)->annotation(0, 17)->name, "name");
  EXPECT_FALSE((*target)->annotation(1, 18));
  for (const uint32_t slot : {Image::slab_headers, 8 * Image::slab_headers, UINT32_MAX}) {
    EXPECT_FALSE((*target)->annotation(slot, 17)) << slot;
  }
}

}  // namespace
}  // namespace coroscope::coro
