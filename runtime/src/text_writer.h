// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coro::detail {

// TextWriter formats text without allocating and hands it on in pieces, the last
// when it ends. Async-signal-safe if its sink is.
class TextWriter {
 public:
  using Sink = void (*)(void* context, std::string_view text);

  TextWriter(Sink sink, void* context) noexcept : sink_(sink), context_(context) {}
  // To a file descriptor; what cannot be written is dropped.
  explicit TextWriter(int file) noexcept;
  ~TextWriter() { flush(); }
  TextWriter(const TextWriter&) = delete;
  TextWriter& operator=(const TextWriter&) = delete;

  TextWriter& operator<<(std::string_view text);
  TextWriter& operator<<(std::uint64_t number);
  TextWriter& hex(std::uint64_t number);  // with 0x
  // As people read it: "12 ms", "3.4 s", "7 min".
  TextWriter& duration(std::uint64_t nanoseconds);
  void flush();

 private:
  Sink sink_;
  void* context_;
  std::size_t used_ = 0;
  char buffer_[512];
};

}  // namespace coro::detail
