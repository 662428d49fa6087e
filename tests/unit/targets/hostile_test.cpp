// SPDX-License-Identifier: Apache-2.0
// Bytes of chance where tasks, annotations, objects and figures should be: no
// crash and no endless work.
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>

#include "image.h"
#include "targets/coro/coro_target.h"

namespace coroscope::coro {
namespace {

// One of everything that version 1.1 of the contract added.
void fill(Image& image) {
  const uint64_t function = image.put_text("coro::Task<int> fetch(int)");
  const uint64_t location = image.put(coro_location{image.put_text("a.cpp"), function, 7, 1});
  const uint64_t outer = image.put(coro_await{location, 0});
  const uint64_t inner = image.put(coro_await{location, outer});
  const char text[] = "\1\0\0\0\0\0\0\0";
  const uint64_t annotation = image.put(text, sizeof text);
  image.at<coro_annotation>(annotation) = {1, 0};
  coro_object channel{};
  channel.magic = CORO_OBJECT_MAGIC;
  channel.kind = CORO_OBJECT_CHANNEL;
  const uint64_t cases = image.put(coro_select_case{image.put(channel), CORO_SELECT_SEND, 0});
  const uint64_t select = image.put(coro_select{CORO_SELECT_MAGIC, 1, cases, 16, 0});
  coro_scheduler scheduler{};
  scheduler.id = 1;
  scheduler.workers = image.put(coro_worker{});
  scheduler.worker_count = 1;
  image.descriptor.schedulers = image.put(scheduler);
  image.descriptor.scheduler_capacity = 1;
  for (uint32_t slot = 0; slot < Image::slab_headers; ++slot) {
    coro_header& header = image.parked_task(slot, slot + 1, inner);
    header.annotation = annotation;
    header.reason = CORO_REASON_SELECT;
    header.object = select;
  }
}

TEST(HostileTasks, BytesOfChanceCostNothingWorse) {
  std::mt19937_64 random(20261121);
  const auto process = Process::open(getpid());
  size_t read = 0;
  for (int round = 0; round < 300; ++round) {
    Image image;
    fill(image);
    auto target = CoroTarget::open(
        *process, image,
        {{Image::descriptor_at, CORO_ABI_MAJOR, CORO_ABI_MINOR, "/proc/self/exe"}});
    ASSERT_TRUE(target);
    const auto spoil = [&random](void* what, size_t bytes, uint64_t changes) {
      for (uint64_t i = 0; i < changes; ++i) {
        static_cast<unsigned char*>(what)[random() % bytes] = static_cast<unsigned char>(random());
      }
    };
    spoil(image.data.data(), 800, random() % 40);
    // Not sequence and state: a header that never settles costs a second.
    constexpr size_t from = offsetof(coro_header, parent_id);
    for (coro_header& header : image.slab) {
      spoil(reinterpret_cast<char*>(&header) + from, sizeof header - from, random() % 4);
    }
    const auto census = (*target)->census([&](const ParkedContext& context) {
      EXPECT_LE(context.places.size(), TaskPlace::max_links);
      for (const uint64_t place : context.places) read += (*target)->place(place).has_value();
      return UnwoundContext{2, true};
    });
    ASSERT_TRUE(census);
    for (const Member& member : census->members) {
      if (const auto annotation = (*target)->annotation(member.slot, member.id)) {
        EXPECT_LE(annotation->labels.size(), CORO_ANNOTATION_MAX);
        read++;
      }
      if (const auto select = (*target)->select(member.slot, member.id)) {
        EXPECT_LE(select->cases.size(), ObjectReader::max_cases);
        read++;
      }
    }
    (void)(*target)->schedulers();
  }
  EXPECT_GT(read, 1000u) << "some of it was as it should be";
}

}  // namespace
}  // namespace coroscope::coro
