// SPDX-License-Identifier: Apache-2.0
#include "bpf/usdt_sites.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

// The kernel's, with the names of this machine's registers.
#include <asm/ptrace.h>

#include "util/fd.h"

namespace coroscope {
namespace {

constexpr size_t max_notes = 4 << 20;  // bytes
constexpr size_t max_names = 1 << 20;  // bytes, of sections
constexpr size_t max_headers = 4096;   // of sections, and of segments
constexpr uint32_t note_type = 3;      // NT_STAPSDT

using ElfPointer = std::unique_ptr<Elf, int (*)(Elf*)>;

struct Notes {
  Elf_Data* data = nullptr;
  uint64_t base = 0;  // where .stapsdt.base lies: a note says where it lay when that was written
};

struct Segments {
  std::vector<GElf_Phdr> loaded;
  uint64_t file_size = 0;

  // Of `size` bytes at an address of the file's; nothing if they are not in it.
  std::optional<uint64_t> offset_of(uint64_t address, uint64_t size, bool code) const {
    for (const GElf_Phdr& segment : loaded) {
      if (((segment.p_flags & PF_X) != 0) != code || address < segment.p_vaddr) continue;
      const uint64_t into = address - segment.p_vaddr;
      if (into >= segment.p_filesz || segment.p_filesz - into < size) continue;
      const uint64_t offset = segment.p_offset + into;
      if (offset >= into && offset < file_size && file_size - offset >= size) return offset;
    }
    return std::nullopt;
  }
};

Error senseless(const std::string& path, const char* what) {
  return {ErrorKind::target_bad, fmt::format("the probes of {} make no sense: {}", path, what)};
}

enum class Headers { of_this_machine, of_another, too_many };

// Before libelf sees them: it makes room for as many as a file says that it has.
Headers look_at_headers(int file) {
#if defined(__x86_64__)
  constexpr int machine = EM_X86_64;
#elif defined(__aarch64__)
  constexpr int machine = EM_AARCH64;
#endif
  Elf64_Ehdr header{};
  if (::pread(file, &header, sizeof header, 0) != sizeof header ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != machine) {
    return Headers::of_another;
  }
  // 0: it has none, or so many that the number is elsewhere.
  const bool fits = header.e_shnum != 0 && header.e_shnum <= max_headers &&
                    header.e_phnum <= max_headers && header.e_shstrndx < header.e_shnum;
  return fits || header.e_shoff == 0 ? Headers::of_this_machine : Headers::too_many;
}

Segments read_segments(Elf* elf, uint64_t file_size) {
  Segments segments;
  size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return segments;
  segments.file_size = file_size;
  for (size_t i = 0; i < std::min(count, max_headers); ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) break;
    if (segment.p_type == PT_LOAD) segments.loaded.push_back(segment);
  }
  return segments;
}

// libelf reads names as a whole, and would inflate them.
bool has_sane_names(Elf* elf, size_t names) {
  GElf_Shdr header;
  return gelf_getshdr(elf_getscn(elf, names), &header) != nullptr && header.sh_size <= max_names &&
         (header.sh_flags & SHF_COMPRESSED) == 0;
}

// The first section of notes; there is but one. False if it, or the names, are beyond measure.
bool find_notes(Elf* elf, Notes& notes) {
  size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0 || names == SHN_UNDEF) return true;
  if (!has_sane_names(elf, names)) return false;
  for (Elf_Scn* at = elf_nextscn(elf, nullptr); at != nullptr; at = elf_nextscn(elf, at)) {
    GElf_Shdr section;
    if (gelf_getshdr(at, &section) == nullptr) continue;
    const char* name = elf_strptr(elf, names, section.sh_name);
    if (name == nullptr) continue;
    if (std::strcmp(name, ".stapsdt.base") == 0) notes.base = section.sh_addr;
    if (std::strcmp(name, ".note.stapsdt") != 0 || section.sh_type != SHT_NOTE) continue;
    if (section.sh_size > max_notes || (section.sh_flags & SHF_COMPRESSED) != 0) return false;
    if (notes.data == nullptr) notes.data = elf_getdata(at, nullptr);
  }
  return true;
}

// Takes a text that ends with a 0 from the front.
std::optional<std::string_view> take_text(std::string_view& from) {
  const size_t end = from.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view text = from.substr(0, end);
  from.remove_prefix(end + 1);
  return text;
}

// Three addresses, of the probe, of .stapsdt.base and of the semaphore; three texts.
struct Note {
  std::array<uint64_t, 3> addresses{};
  std::string_view provider, name, arguments;
};

std::optional<Note> parse(std::string_view bytes) {
  Note note;
  if (bytes.size() < sizeof note.addresses) return std::nullopt;
  std::memcpy(note.addresses.data(), bytes.data(), sizeof note.addresses);
  bytes.remove_prefix(sizeof note.addresses);
  const auto provider = take_text(bytes);
  const auto name = take_text(bytes);
  const auto arguments = take_text(bytes);
  if (!provider || !name || !arguments) return std::nullopt;
  note.provider = *provider;
  note.name = *name;
  note.arguments = *arguments;
  return note;
}

// Nothing if it does not lie in the file.
std::optional<UsdtSite> site_of(const Note& note, uint64_t base, const Segments& segments) {
  const auto& [address, base_then, semaphore_address] = note.addresses;
  const uint64_t moved = base == 0 ? 0 : base - base_then;  // by prelink
  const auto offset = segments.offset_of(address + moved, 1, true);
  if (!offset) return std::nullopt;
  UsdtSite site{std::string(note.name), *offset, 0, std::string(note.arguments)};
  if (semaphore_address == 0) return site;
  const auto semaphore = segments.offset_of(semaphore_address + moved, sizeof(uint16_t), false);
  if (!semaphore) return std::nullopt;
  site.semaphore = *semaphore;
  return site;
}

#if defined(__x86_64__)
struct Register {
  std::string_view name;
  size_t offset;
};
constexpr Register registers[] = {
    {"%rdi", offsetof(pt_regs, rdi)}, {"%rsi", offsetof(pt_regs, rsi)},
    {"%rdx", offsetof(pt_regs, rdx)}, {"%rcx", offsetof(pt_regs, rcx)},
    {"%rax", offsetof(pt_regs, rax)}, {"%rbx", offsetof(pt_regs, rbx)},
    {"%rbp", offsetof(pt_regs, rbp)}, {"%rsp", offsetof(pt_regs, rsp)},
    {"%r8", offsetof(pt_regs, r8)},   {"%r9", offsetof(pt_regs, r9)},
    {"%r10", offsetof(pt_regs, r10)}, {"%r11", offsetof(pt_regs, r11)},
    {"%r12", offsetof(pt_regs, r12)}, {"%r13", offsetof(pt_regs, r13)},
    {"%r14", offsetof(pt_regs, r14)}, {"%r15", offsetof(pt_regs, r15)},
};

std::optional<uint8_t> word_of(std::string_view argument) {
  if (!argument.starts_with("8@") && !argument.starts_with("-8@")) return std::nullopt;
  argument.remove_prefix(argument.find('@') + 1);
  for (const Register& known : registers) {
    if (known.name == argument) return static_cast<uint8_t>(known.offset / sizeof(uint64_t));
  }
  return std::nullopt;
}
#else
std::optional<uint8_t> word_of(std::string_view) {
  return std::nullopt;
}
#endif

}  // namespace

Result<std::vector<UsdtSite>> read_usdt_sites(const std::string& path, std::string_view provider) {
  std::vector<UsdtSite> sites;
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) {
    return Error{ErrorKind::environment,
                 fmt::format("cannot read {}: {}", path, std::strerror(errno))};
  }
  if (!S_ISREG(status.st_mode)) return senseless(path, "it is no program of this machine");
  const Headers headers = look_at_headers(file.get());
  if (headers == Headers::too_many) return senseless(path, "too many headers");
  if (headers == Headers::of_another) return senseless(path, "it is no program of this machine");
  elf_version(EV_CURRENT);
  // Not mapped: somebody may cut the file short.
  const ElfPointer elf(elf_begin(file.get(), ELF_C_READ, nullptr), elf_end);
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF) return senseless(path, "its headers are wrong");
  const Segments segments = read_segments(elf.get(), static_cast<uint64_t>(status.st_size));
  Notes notes;
  if (!find_notes(elf.get(), notes))
    return senseless(path,
                     "its notes, or the names of its sections, are too large or can not be read");
  if (notes.data == nullptr || notes.data->d_buf == nullptr) return sites;
  const auto* bytes = static_cast<const char*>(notes.data->d_buf);
  GElf_Nhdr header;
  size_t name = 0, content = 0;
  for (size_t at = 0;
       (at = gelf_getnote(notes.data, at, &header, &name, &content)) != 0 && content != 0;) {
    const auto note = parse({bytes + content, header.n_descsz});
    if (header.n_type != note_type || !note || note->provider != provider) continue;
    auto site = site_of(*note, notes.base, segments);
    if (!site) return senseless(path, "one does not lie in the file");
    if (sites.size() == most_usdt_sites) return senseless(path, "there are too many");
    sites.push_back(std::move(*site));
  }
  return sites;
}

std::optional<ArgumentWords> argument_words(std::string_view arguments) {
  ArgumentWords words;
  words.fill(no_word);
  for (size_t i = 0; !arguments.empty(); ++i) {
    const size_t end = std::min(arguments.find(' '), arguments.size());
    const auto word = word_of(arguments.substr(0, end));
    if (!word || i == words.size()) return std::nullopt;
    words[i] = *word;
    arguments.remove_prefix(std::min(end + 1, arguments.size()));
  }
  return words;
}

}  // namespace coroscope
