// SPDX-License-Identifier: Apache-2.0
// Mutations that know what an image is. Bytes of chance nearly never are the address
// of anything; these are, every other time.
#include <algorithm>
#include <cstring>
#include <random>

#include "image_input.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed);

namespace coroscope::fuzz {
namespace {

using Random = std::minstd_rand;
using Records = std::vector<Record>;

constexpr size_t word = 8;
constexpr size_t most_growth = 256;  // of a record at once

size_t below(Random& random, size_t end) {
  return end == 0 ? 0 : random() % end;
}

Record& any(Records& records, Random& random) {
  return records[below(random, records.size())];
}

// Where in the bytes; they hold a word at least.
size_t any_word(const Record& record, Random& random) {
  return below(random, record.bytes.size() / word) * word;
}

uint64_t interesting(Random& random) {
  static constexpr uint64_t numbers[] = {
      0,         1,       2,       3,         4,          5,          6,         7,
      8,         15,      16,      24,        32,         64,         127,       128,
      136,       255,     256,     1023,      1024,       4095,       4096,      65535,
      65536,     1 << 20, 8 << 20, INT32_MAX, UINT32_MAX, 1ull << 32, INT64_MAX, UINT64_MAX - 7,
      UINT64_MAX};
  return numbers[below(random, std::size(numbers))];
}

uint64_t new_word(uint64_t old, Records& records, Random& random) {
  const Record& other = any(records, random);
  switch (below(random, 6)) {
    case 0:
      return other.address + below(random, other.size / word + 1) * word;
    case 1:
      return other.address;
    case 2: {
      uint64_t copied = 0;
      if (other.bytes.size() < word) return copied;
      std::memcpy(&copied, other.bytes.data() + any_word(other, random), word);
      return copied;
    }
    case 3:
      return interesting(random) << 32 | (old & UINT32_MAX);
    case 4:
      return (old & ~uint64_t{UINT32_MAX}) | (interesting(random) & UINT32_MAX);
    default:
      return old + below(random, 33) - 16;
  }
}

void change_word(Records& records, Random& random) {
  Record& record = any(records, random);
  if (record.bytes.size() < word) return;
  uint8_t* at = record.bytes.data() + any_word(record, random);
  uint64_t value = 0;
  std::memcpy(&value, at, word);
  value = new_word(value, records, random);
  std::memcpy(at, &value, word);
}

// One that touches what is there: a word of a segment, soon.
void add_change(Records& records, Random& random) {
  const Record& of = any(records, random);
  if (of.bytes.size() < word) return;
  const size_t at = any_word(of, random);
  const size_t bytes = std::min(word * (1 + below(random, 4)), of.bytes.size() - at);
  const auto first = of.bytes.begin() + static_cast<ptrdiff_t>(at);
  Record change{Record::Kind::change,
                of.address + at,
                static_cast<uint32_t>(random() % 64),
                {first, first + static_cast<ptrdiff_t>(bytes)}};
  uint64_t value = 0;
  std::memcpy(&value, change.bytes.data(), word);
  value = new_word(value, records, random);
  std::memcpy(change.bytes.data(), &value, word);
  if (below(random, 16) == 0) change.bytes.clear();
  records.push_back(std::move(change));
}

void change_bytes(Records& records, Random& random) {
  std::vector<uint8_t>& bytes = any(records, random).bytes;
  const size_t size = bytes.size();
  bytes.resize(size + below(random, most_growth) + 1);
  bytes.resize(LLVMFuzzerMutate(bytes.data(), size, bytes.size()));
}

void change_frame(Records& records, Random& random) {
  Record& record = any(records, random);
  switch (below(random, 5)) {
    case 0:
      record.size = static_cast<uint32_t>(interesting(random));
      break;
    case 1:
      record.address = new_word(record.address, records, random);
      break;
    case 2:
      record.kind = static_cast<Record::Kind>(below(random, 3));
      break;
    case 3:
      records.push_back(Record(record));
      break;
    default:
      std::swap(record, records.back());
      records.pop_back();
  }
}

void mutate(Records& records, Random& random) {
  switch (below(random, 8)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return change_word(records, random);
    case 4:
      return add_change(records, random);
    case 5:
    case 6:
      return change_bytes(records, random);
    default:
      return change_frame(records, random);
  }
}

}  // namespace
}  // namespace coroscope::fuzz

size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  using namespace coroscope::fuzz;
  Random random(seed);
  Records records = parse_records({data, size});
  if (records.empty() || below(random, 8) == 0) return LLVMFuzzerMutate(data, size, max_size);
  for (size_t i = 1 + below(random, 3); i > 0 && !records.empty(); --i) mutate(records, random);
  const std::vector<uint8_t> output = write_records(records);
  if (output.empty() || output.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(output.begin(), output.end(), data);
  return output.size();
}
