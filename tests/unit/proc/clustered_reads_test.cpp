// SPDX-License-Identifier: Apache-2.0
#include "proc/clustered_reads.h"

#include <gtest/gtest.h>

#include <random>

namespace coroscope {
namespace {

// Bytes at 0x1000 to 0x9000 of which those at 0x4000 to 0x5000 can not be read.
class Bytes : public Memory {
 public:
  bool read(uint64_t address, void* to, size_t size) const override {
    reads++;
    uint64_t end = 0;
    if (__builtin_add_overflow(address, size, &end)) return false;
    const bool first = address >= 0x1000 && end <= 0x4000;
    const bool second = address >= 0x5000 && end <= 0x9000;
    if (!first && !second) return false;
    for (size_t i = 0; i < size; ++i) static_cast<uint8_t*>(to)[i] = at(address + i);
    return true;
  }
  static uint8_t at(uint64_t address) { return static_cast<uint8_t>(address * 31 + address / 251); }

  mutable uint64_t reads = 0;
};

struct Wanted {
  std::vector<uint8_t> to;
  Memory::Request request;
};

std::vector<Memory::Request> requests_of(std::vector<Wanted>& all) {
  std::vector<Memory::Request> requests;
  for (Wanted& one : all) {
    one.to.assign(one.request.size, 0);
    requests.push_back({one.request.address, one.to.data(), one.request.size, false});
  }
  return requests;
}

void expect_read(const Memory::Request& request, const std::vector<uint8_t>& to) {
  ASSERT_TRUE(request.ok);
  for (size_t i = 0; i < to.size(); ++i) EXPECT_EQ(to[i], Bytes::at(request.address + i));
}

TEST(ClusteredReads, ReadsNeighboursTogetherAndOthersApart) {
  Bytes memory;
  std::vector<Wanted> all(4);
  all[0].request = {0x2000, nullptr, 16, false};
  all[1].request = {0x3000, nullptr, 16, false};
  all[2].request = {0x2100, nullptr, 16, false};
  all[3].request = {0x2108, nullptr, 16, false};  // overlaps
  auto requests = requests_of(all);
  ClusteredReads().read(memory, requests);
  EXPECT_EQ(memory.reads, 2u);
  for (size_t i = 0; i < all.size(); ++i) expect_read(requests[i], all[i].to);
}

TEST(ClusteredReads, WhatCanNotBeReadSpoilsNoNeighbour) {
  Bytes memory;
  std::vector<Wanted> all(3);
  all[0].request = {0x3f80, nullptr, 16, false};
  all[1].request = {0x3ff8, nullptr, 16, false};  // half of it
  all[2].request = {~uint64_t{7}, nullptr, 16, false};
  auto requests = requests_of(all);
  ClusteredReads().read(memory, requests);
  expect_read(requests[0], all[0].to);
  EXPECT_FALSE(requests[1].ok);
  EXPECT_FALSE(requests[2].ok);
}

TEST(ClusteredReads, OfNothingIsNothing) {
  Bytes memory;
  ClusteredReads().read(memory, {});
  EXPECT_EQ(memory.reads, 0u);
}

// The same as each alone, whatever is asked for.
TEST(ClusteredReads, AreWhatSingleReadsAre) {
  std::mt19937 random(20261121);
  Bytes memory;
  ClusteredReads reads;
  for (int round = 0; round < 2000; ++round) {
    std::vector<Wanted> all(random() % 40);
    for (Wanted& one : all) one.request = {random() % 0xa000, nullptr, random() % 200, false};
    auto requests = requests_of(all);
    reads.read(memory, requests);
    for (size_t i = 0; i < all.size(); ++i) {
      std::vector<uint8_t> alone(requests[i].size);
      ASSERT_EQ(requests[i].ok, memory.read(requests[i].address, alone.data(), alone.size()));
      if (requests[i].ok) {
        ASSERT_EQ(all[i].to, alone);
      }
    }
  }
}

}  // namespace
}  // namespace coroscope
