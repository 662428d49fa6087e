// SPDX-License-Identifier: Apache-2.0
// Modules with and without a runtime, and a page of what /proc says.
#include <elf.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "image_records.h"
#include "seeds.h"

namespace coroscope::fuzz {
namespace {

constexpr uint64_t module_at = 0x100000;
constexpr uint32_t module_size = 0x1000;
constexpr uint64_t notes_at = 0x200;                     // in the module
constexpr uint64_t content_at = sizeof(Elf64_Nhdr) + 8;  // in a note: owners have 8 bytes, padded

void add_note(std::vector<uint8_t>& notes, const char (&owner)[5], uint32_t type,
              const std::vector<uint8_t>& content) {
  const Elf64_Nhdr header{sizeof owner, static_cast<Elf64_Word>(content.size()), type};
  const std::vector<uint8_t> head = bytes_of(header);
  notes.insert(notes.end(), head.begin(), head.end());
  notes.insert(notes.end(), owner, owner + sizeof owner);
  notes.resize((notes.size() + 3) / 4 * 4);
  notes.insert(notes.end(), content.begin(), content.end());
}

std::vector<uint8_t> notes() {
  const uint64_t field = module_at + notes_at + content_at + offsetof(coro_note, descriptor_offset);
  const auto offset = static_cast<int64_t>(coro::Image::descriptor_at - field);
  std::vector<uint8_t> all;
  add_note(all, "coro", CORO_NOTE_DESCRIPTOR,
           bytes_of(coro_note{CORO_ABI_MAJOR, CORO_ABI_MINOR, offset}));
  add_note(all, "GNU\0", NT_GNU_BUILD_ID, std::vector<uint8_t>(20, 0xab));
  return all;
}

Record module() {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_DYN;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 2;
  const std::vector<uint8_t> note_bytes = notes();
  Elf64_Phdr segments[2]{};
  segments[0] = {PT_LOAD, PF_R | PF_X, 0, 0, 0, module_size, module_size, 4096};
  segments[1] = {PT_NOTE,           PF_R, notes_at, notes_at, notes_at, note_bytes.size(),
                 note_bytes.size(), 4};
  std::vector<uint8_t> bytes(notes_at);
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, segments, sizeof segments);
  bytes.insert(bytes.end(), note_bytes.begin(), note_bytes.end());
  Record record = segment(module_at, bytes);
  record.size = module_size;
  return record;
}

std::vector<Record> module_with_runtime() {
  coro::Image image;
  image.parked(0, 1);
  std::vector<Record> records{module()};
  const std::vector<Record> rest = records_of(image);
  records.insert(records.end(), rest.begin(), rest.end());
  return records;
}

Record text() {
  const std::string lines =
      "\n7f001000-7f002000 r-xp 00001000 08:01 123 /lib/it.so (deleted)\n"
      "7f002000-7f003000 rw-p 00000000 00:00 0\n"
      "4711 (a name) S 1 2 3 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 99 4096 12\n";
  return segment(0, std::vector<char>(lines.begin(), lines.end()));
}

}  // namespace

Seeds modules_seeds() {
  return {{"module", {module()}}, {"runtime", module_with_runtime()}, {"proc", {text()}}};
}

}  // namespace coroscope::fuzz
