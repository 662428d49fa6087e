// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text_writer.h"

namespace coro::detail {

// A place in the program's code. Texts live as long as the Symbols they are from.
struct CodePlace {
  std::string_view function;  // mangled; "": not known
  std::uint64_t offset = 0;   // into the function
  std::string_view module;    // path of the file; "": not in a file
  std::uint64_t address = 0;  // as the file counts them, for addr2line; of no module: itself
};

// Symbols finds the names of functions in the symbol tables of the files that this
// process has mapped, static functions included, unless they are stripped. It
// reads /proc/self/maps when it is made and the files when they are first needed.
// It takes no lock and allocates by mmap only: async-signal-safe.
class Symbols {
 public:
  // nullptr: no memory.
  static Symbols* create() noexcept;
  static void destroy(Symbols* symbols) noexcept;
  Symbols(const Symbols&) = delete;
  Symbols& operator=(const Symbols&) = delete;

  // `pc` is the address of an instruction, not a return address.
  [[nodiscard]] CodePlace find(std::uint64_t pc) noexcept;

 private:
  struct Module {
    std::uint64_t low;  // of its code
    std::uint64_t high;
    std::uint64_t file_offset;  // of `low`
    char path[240];
    bool opened;
    const std::byte* file;  // nullptr: cannot be read
    std::size_t size;
  };
  static constexpr std::size_t most_modules = 256;
  static constexpr std::size_t cached_places = 512;

  Symbols() = default;
  ~Symbols() = default;
  void read_maps() noexcept;
  void add_mapping(std::string_view line) noexcept;
  CodePlace look_up(std::uint64_t pc) noexcept;
  static void open(Module& module) noexcept;

  Module modules_[most_modules];
  std::size_t count_ = 0;
  struct {
    std::uint64_t pc;
    CodePlace place;
  } cache_[cached_places];
};

// "name+0x1f (program+0x1234)". Demangling allocates: not in a signal handler.
void write_place(TextWriter& out, const CodePlace& place, bool demangle);

}  // namespace coro::detail
