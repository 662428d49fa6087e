// SPDX-License-Identifier: Apache-2.0
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "proc/modules.h"

namespace coroscope {
namespace {

constexpr size_t padded(size_t size) {
  return (size + 3) & ~size_t{3};
}

// Takes one note at `at`, and moves `at` past it. False at the end or at nonsense.
bool take_note(const std::vector<std::byte>& bytes, uint64_t address, size_t* at, ElfNote* note) {
  Elf64_Nhdr header{};
  size_t rest = bytes.size() - *at;
  if (rest < sizeof header) return false;
  std::memcpy(&header, bytes.data() + *at, sizeof header);
  rest -= sizeof header;
  // Both sizes are 32 bits, the sums below 64: nothing wraps.
  const size_t name_size = header.n_namesz;
  if (name_size > rest || padded(name_size) > rest) return false;
  rest -= padded(name_size);
  const size_t description_size = header.n_descsz;
  if (description_size > rest) return false;

  const std::byte* name = bytes.data() + *at + sizeof header;
  const std::byte* description = name + padded(name_size);
  note->owner.assign(reinterpret_cast<const char*>(name), name_size);
  while (!note->owner.empty() && note->owner.back() == '\0') note->owner.pop_back();
  note->type = header.n_type;
  note->description_address = address + static_cast<uint64_t>(description - bytes.data());
  note->description.assign(description, description + description_size);
  *at = bytes.size() - rest + std::min(padded(description_size), rest);
  return true;
}

std::vector<std::byte> read_segment(const Memory& memory, uint64_t address, size_t size) {
  std::vector<std::byte> bytes(size);
  if (memory.read(address, bytes.data(), size)) return bytes;
  return {};
}

}  // namespace

std::vector<ElfNote> read_notes(const Memory& memory, const Module& module) {
  std::vector<ElfNote> notes;
  size_t budget = max_note_bytes;
  for (const Module::Segment& segment : module.note_segments) {
    const size_t size = std::min<uint64_t>(segment.size, budget);
    budget -= size;
    const std::vector<std::byte> bytes = read_segment(memory, segment.address, size);
    size_t at = 0;
    ElfNote note;
    while (notes.size() < max_notes && take_note(bytes, segment.address, &at, &note)) {
      // Program headers may name the same bytes twice (PT_NOTE for each
      // section and one for all).
      const auto same = [&](const ElfNote& other) {
        return other.description_address == note.description_address;
      };
      if (std::none_of(notes.begin(), notes.end(), same)) notes.push_back(std::move(note));
      note = {};
    }
  }
  return notes;
}

std::string hex(const std::vector<std::byte>& bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", std::to_integer<int>(byte));
  return text;
}

}  // namespace coroscope
