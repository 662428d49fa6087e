// SPDX-License-Identifier: Apache-2.0
// Images of each kind that a target's memory comes in, whole and spoilt, and those
// that once were findings.
#include <algorithm>
#include <string>

#include "image_records.h"
#include "seeds.h"

namespace coroscope::fuzz {
namespace {

using coro::Image;

uint64_t header_at(uint32_t slot) {
  return Image::slab_at + slot * sizeof(coro_header);
}

// A header becomes another one, `steps` after the change before.
Record change(uint32_t slot, const coro_header& header, uint32_t steps) {
  return {Record::Kind::change, header_at(slot), steps, bytes_of(header)};
}

std::vector<Record> with(std::vector<Record> records, const std::vector<Record>& more) {
  records.insert(records.end(), more.begin(), more.end());
  return records;
}

uint64_t put_location(Image& image, const std::string& function) {
  const uint64_t file = image.put_text("server.cpp");
  return image.put(coro_location{file, image.put_text(function), 7, 1});
}

uint64_t put_object(Image& image, uint32_t kind, uint64_t holder) {
  coro_object object{};
  object.magic = CORO_OBJECT_MAGIC;
  object.kind = kind;
  object.length = 1;
  object.holder = holder;
  return image.put(object);
}

Image fibers() {
  Image image;
  constexpr uint32_t states[] = {CORO_STATE_PARKED,  CORO_STATE_RUNNING, CORO_STATE_RUNNABLE,
                                 CORO_STATE_SYSCALL, CORO_STATE_PARKING, CORO_STATE_EXITING};
  for (uint32_t slot = 0; slot < std::size(states); ++slot) {
    image.parked(slot, slot + 1).state = states[slot];
  }
  image.slab[1].flags = CORO_FLAG_SYSTEM;
  std::fill_n(image.stack.begin() + 0x800, 64, std::byte{0x11});
  return image;
}

Image tasks(const std::string& function = "coro::Task<int> fetch(int)") {
  Image image;
  const uint64_t location = put_location(image, function);
  const uint64_t outer = image.put(coro_await{location, 0});
  for (uint32_t slot = 0; slot < 4; ++slot) {
    image.parked_task(slot, slot + 1, image.put(coro_await{location, outer}));
  }
  return image;
}

// A chain of awaits that leads into itself.
Image cyclic_awaits() {
  Image image = tasks();
  const uint64_t first = image.put(coro_await{0, 0});
  image.at<coro_await>(first).caller = image.put(coro_await{0, first});
  for (uint32_t slot = 0; slot < 4; ++slot) image.slab[slot].saved_sp = first;
  return image;
}

Image selects() {
  Image image;
  const uint64_t channel = put_object(image, CORO_OBJECT_CHANNEL, 0);
  const coro_select_case cases[] = {
      {channel, CORO_SELECT_SEND, 0}, {0, CORO_SELECT_RECEIVE, 0}, {channel, CORO_SELECT_DONE, 0}};
  const uint64_t at = image.put(cases);
  const uint64_t select = image.put(coro_select{CORO_SELECT_MAGIC, 3, at, 16, 99});
  for (uint32_t slot = 0; slot < 2; ++slot) {
    coro_header& header = image.parked(slot, slot + 1);
    header.reason = CORO_REASON_SELECT;
    header.object = select;
  }
  return image;
}

Image labels() {
  Image image;
  const std::string text("worker\0shard\0seven\0", 19);
  std::vector<uint8_t> bytes = bytes_of(coro_annotation{19, 1});
  bytes.insert(bytes.end(), text.begin(), text.end());
  const uint64_t annotation = image.put(bytes.data(), bytes.size());
  for (uint32_t slot = 0; slot < 2; ++slot) image.parked(slot, slot + 1).annotation = annotation;
  return image;
}

// Two that wait for each other, one that waits for one of them.
Image deadlock() {
  Image image;
  for (uint32_t slot = 0; slot < 3; ++slot) {
    coro_header& header = image.parked(slot, slot + 1);
    header.reason = slot == 2 ? CORO_REASON_JOIN : CORO_REASON_MUTEX_LOCK;
    const uint32_t kind = slot == 2 ? CORO_OBJECT_JOIN : CORO_OBJECT_MUTEX;
    header.object = put_object(image, kind, slot == 0 ? 2 : 1);
  }
  return image;
}

Image schedulers() {
  Image image = fibers();
  coro_worker workers[2]{};
  workers[0].queue_tail = 3;
  workers[1].running = 2;
  coro_scheduler two[2]{};
  two[0].id = 1;
  two[0].workers = image.put(workers);
  two[0].worker_count = 2;
  two[1].id = 2;
  image.descriptor.schedulers = image.put(two);
  image.descriptor.scheduler_capacity = 2;
  return image;
}

// What version 1.0 of the contract has.
Image oldest() {
  Image image = fibers();
  image.descriptor.minor = 0;
  image.descriptor.size = offsetof(coro_descriptor, schedulers);
  image.descriptor.object_size = 0;
  return image;
}

// The same slab twice, one inside of it, none, and one that is not there.
Image odd_slabs() {
  Image image = fibers();
  image.table_directory = {
      Image::slab_at, Image::slab_at, Image::slab_at + 8, 0, 0xdead0000, 0, 0, 0};
  image.descriptor.table_slabs = 5;
  return image;
}

// Headers that never settle: in the middle of a write, and between two states.
Image unsettled() {
  Image image = fibers();
  image.slab[0].sequence = 3;
  image.slab[1].state = CORO_STATE_SPAWNING;
  return image;
}

// A coroutine that moves each time somebody looks, then one that ends for another.
std::vector<Record> moving() {
  Image image = fibers();
  std::vector<Record> changes;
  coro_header header = image.slab[0];
  for (uint32_t i = 0; i < 24; ++i) {
    header.sequence++;
    header.state = i % 4 < 2 ? CORO_STATE_RUNNING : CORO_STATE_PARKED;
    changes.push_back(change(0, header, i % 7));
  }
  header.id = 77;
  changes.push_back(change(0, header, 3));
  return with(records_of(image), changes);
}

// Moves whenever its stack was read, and runs the last time that somebody looks: was
// once told as running, with a parked stack that could not be read.
std::vector<Record> restless() {
  Image image;
  coro_header header = image.parked(0, 1);
  constexpr uint32_t steps_of_a_look = 36;  // half of the stack, and the header twice
  std::vector<Record> changes;
  for (uint32_t i = 0; i < 200; ++i) {
    header.sequence += 2;
    header.state = i % 10 == 4 ? CORO_STATE_RUNNING : CORO_STATE_PARKED;
    Record one = change(0, header, steps_of_a_look - 1);
    one.bytes.resize(offsetof(coro_header, id));
    changes.push_back(one);
  }
  return with(records_of(image), changes);
}

// Half of a header is the next one, for as long as it takes to copy the other half.
std::vector<Record> torn() {
  Image image = fibers();
  coro_header next = image.slab[2];
  next.sequence += 2;
  next.parent_id = next.stack_high = 99;
  const std::vector<uint8_t> bytes = bytes_of(next);
  std::vector<Record> changes;
  for (uint32_t half = 0; half < 2; ++half) {
    changes.push_back({Record::Kind::change,
                       header_at(2) + half * 64,
                       half == 0 ? 5u : 1u,
                       {bytes.begin() + half * 64, bytes.begin() + (half + 1) * 64}});
  }
  return with(records_of(image), changes);
}

// The slab, the stacks and what else there is are unmapped while they are read.
std::vector<Record> unmapped() {
  std::vector<Record> changes;
  for (const uint64_t at : {Image::data_at, Image::stack_at, Image::slab_at}) {
    changes.push_back({Record::Kind::change, at, 90, {}});
  }
  return with(records_of(tasks()), changes);
}

// As much as a descriptor may claim; nearly nothing of it is there. Room was once made
// for all of it.
Image boastful() {
  Image image = fibers();
  image.descriptor.table_slab_headers = 8u << 20;
  image.descriptor.table_header_size = 4096;
  image.descriptor.table_slabs = UINT32_MAX;
  image.descriptor.depot_entries = UINT32_MAX;
  return image;
}

// A large table that repeats one page of it.
std::vector<Record> crowded() {
  Image image = fibers();
  image.descriptor.table_slab_headers = 8192;
  std::vector<Record> records = records_of(image);
  records[2].kind = Record::Kind::repeating;
  records[2].size = 8192 * sizeof(coro_header);
  return records;
}

}  // namespace

Seeds table_seeds() {
  return {{"fibers", records_of(fibers())},
          {"tasks", records_of(tasks())},
          {"long_name", records_of(tasks(std::string(3000, 'f')))},
          {"cyclic_awaits", records_of(cyclic_awaits())},
          {"selects", records_of(selects())},
          {"labels", records_of(labels())},
          {"deadlock", records_of(deadlock())},
          {"schedulers", records_of(schedulers())},
          {"oldest", records_of(oldest())},
          {"odd_slabs", records_of(odd_slabs())},
          {"unsettled", records_of(unsettled())},
          {"moving", moving()},
          {"restless", restless()},
          {"torn", torn()},
          {"unmapped", unmapped()},
          {"boastful", records_of(boastful())},
          {"crowded", crowded()}};
}

}  // namespace coroscope::fuzz
