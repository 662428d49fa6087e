// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "coro/abi.h"
#include "coro/labels.h"

namespace coro::detail {

// Annotation is a coroutine's name and labels, as they are published: immutable,
// counted, and shared by all coroutines that inherited the same labels. A
// coroutine holds one reference through its header's `annotation`, and gives it
// back only after the header shows something else.
class Annotation {
 public:
  // One reference, the caller's. nullptr: nothing to say. Labels that come later
  // replace those with the same key. Throws UsageError and std::bad_alloc.
  static Annotation* create(std::string_view name, std::span<const Label> labels);

  // As a header has it: the address of the published part, 0 for nullptr.
  static Annotation* published_at(std::uint64_t address) noexcept {
    return address == 0 ? nullptr
                        : reinterpret_cast<Annotation*>(address - offsetof(Annotation, published_));
  }
  static std::uint64_t address_of(const Annotation* annotation) noexcept {
    return annotation == nullptr ? 0 : reinterpret_cast<std::uint64_t>(&annotation->published_);
  }

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept;

  // What a child begins with, retained: the labels without the name; nullptr if
  // there are none.
  [[nodiscard]] Annotation* inherit() noexcept;

  [[nodiscard]] std::string_view name() const noexcept { return texts(); }

  // Calls f(key, value) for each label.
  template <class F>
  void for_each_label(F f) const {
    const char* text = texts() + name().size() + 1;
    for (std::uint32_t i = 0; i < published_.labels; ++i) {
      const std::string_view key(text);
      const std::string_view value(key.data() + key.size() + 1);
      f(key, value);
      text = value.data() + value.size() + 1;
    }
  }

  Annotation(const Annotation&) = delete;
  Annotation& operator=(const Annotation&) = delete;

 private:
  explicit Annotation(coro_annotation published) noexcept : published_(published) {}
  ~Annotation() = default;
  [[nodiscard]] char* texts() noexcept { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* texts() const noexcept {
    return reinterpret_cast<const char*>(this + 1);
  }

  std::atomic<std::uint32_t> references_{1};
  Annotation* unnamed_ = nullptr;  // the same labels without the name; nullptr: this is it
  coro_annotation published_;      // last: the texts follow
};
static_assert(sizeof(void*) == 8 && alignof(Annotation) == 8, "no padding before the texts");

// What a coroutine that the calling one starts has: its own name and labels, and
// the labels that it inherits. The reference is the caller's; nullptr: nothing.
// Throws as create does.
Annotation* annotate_child(std::string_view name, std::span<const Label> own);

// Gives the reference up that a header had; 0 is none.
inline void release_annotation(std::uint64_t address) noexcept {
  if (address != 0) [[unlikely]]
    Annotation::published_at(address)->release();
}

}  // namespace coro::detail
