// SPDX-License-Identifier: Apache-2.0
#include "symbols.h"

#include <cxxabi.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "elf_symbols.h"

namespace coro::detail {
namespace {

std::uint64_t take_hex(std::string_view& line) noexcept {
  std::uint64_t number = 0;
  const char* end = std::from_chars(line.data(), line.data() + line.size(), number, 16).ptr;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  return number;
}

}  // namespace

Symbols* Symbols::create() noexcept {
  void* memory =
      mmap(nullptr, sizeof(Symbols), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* symbols = ::new (memory) Symbols();
  symbols->read_maps();
  return symbols;
}

void Symbols::destroy(Symbols* symbols) noexcept {
  if (symbols == nullptr) return;
  for (std::size_t i = 0; i < symbols->count_; ++i) {
    const Module& module = symbols->modules_[i];
    if (module.file != nullptr) munmap(const_cast<std::byte*>(module.file), module.size);
  }
  munmap(symbols, sizeof(Symbols));
}

void Symbols::read_maps() noexcept {
  const int file = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  char buffer[1024];  // longer lines are left out
  std::size_t used = 0;
  for (;;) {
    const ssize_t got = read(file, buffer + used, sizeof buffer - used);
    if (got <= 0) break;
    used += static_cast<std::size_t>(got);
    std::string_view rest(buffer, used);
    for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
      add_mapping(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    if (rest.size() == sizeof buffer) rest = {};
    used = rest.size();
    if (used != 0) std::memmove(buffer, rest.data(), used);
  }
  close(file);
}

// "low-high r-xp offset device inode     path"
void Symbols::add_mapping(std::string_view line) noexcept {
  const std::uint64_t low = take_hex(line);
  line.remove_prefix(std::min<std::size_t>(line.size(), 1));
  const std::uint64_t high = take_hex(line);
  if (count_ == most_modules || line.size() < 6 || line[3] != 'x') return;
  line.remove_prefix(6);
  const std::uint64_t offset = take_hex(line);
  const std::size_t path = line.find('/');
  if (path == line.npos) return;
  line.remove_prefix(path);
  Module& module = modules_[count_];
  if (line.size() >= sizeof module.path) return;
  module.low = low;
  module.high = high;
  module.file_offset = offset;
  std::memcpy(module.path, line.data(), line.size());
  ++count_;
}

void Symbols::open(Module& module) noexcept {
  module.opened = true;
  const int file = ::open(module.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return;
  struct stat status {};
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
    module.size = static_cast<std::size_t>(status.st_size);
    void* memory = mmap(nullptr, module.size, PROT_READ, MAP_PRIVATE, file, 0);
    if (memory != MAP_FAILED) module.file = static_cast<const std::byte*>(memory);
  }
  close(file);
}

CodePlace Symbols::look_up(std::uint64_t pc) noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    Module& module = modules_[i];
    if (pc < module.low || pc >= module.high) continue;
    if (!module.opened) open(module);
    const std::span file(module.file, module.file != nullptr ? module.size : 0);
    CodePlace place;
    place.module = module.path;
    place.address = elf_address(file, pc - module.low + module.file_offset);
    const ElfSymbol symbol = elf_function(file, place.address);
    place.function = symbol.name;
    place.offset = place.address - symbol.value;
    return place;
  }
  return {.function = {}, .offset = 0, .module = {}, .address = pc};
}

CodePlace Symbols::find(std::uint64_t pc) noexcept {
  auto& entry = cache_[pc * 0x9e3779b97f4a7c15u >> 32 & (cached_places - 1)];
  if (entry.pc != pc) entry = {.pc = pc, .place = look_up(pc)};
  return entry.place;
}

void write_place(TextWriter& out, const CodePlace& place, bool demangle) {
  if (place.function.empty()) {
    out << "?";
  } else {
    char* name = nullptr;
    if (demangle) {
      name = abi::__cxa_demangle(std::string(place.function).c_str(), nullptr, nullptr, nullptr);
    }
    out << (name != nullptr ? std::string_view(name) : place.function) << "+";
    out.hex(place.offset);
    std::free(name);
  }
  const std::string_view file = place.module.substr(place.module.rfind('/') + 1);
  out << " (";
  if (!file.empty()) out << file << "+";
  out.hex(place.address) << ")";
}

}  // namespace coro::detail
