// SPDX-License-Identifier: Apache-2.0
// Not for use by programs; see context.h.
#pragma once

#include <utility>

namespace coro {

class Context;

namespace detail {

class ContextCore;

void retain(ContextCore& context) noexcept;
void release(ContextCore& context) noexcept;

// nullptr: the background.
ContextCore* core_of(const Context& context) noexcept;

// ContextReference is a counted pointer to a ContextCore.
class ContextReference {
 public:
  ContextReference() noexcept = default;
  // Takes over a reference.
  explicit ContextReference(ContextCore* core) noexcept : core_(core) {}
  ContextReference(const ContextReference& other) noexcept : core_(other.core_) {
    if (core_ != nullptr) retain(*core_);
  }
  ContextReference(ContextReference&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)) {}
  ContextReference& operator=(ContextReference other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~ContextReference() {
    if (core_ != nullptr) release(*core_);
  }
  [[nodiscard]] ContextCore* get() const noexcept { return core_; }

 private:
  ContextCore* core_ = nullptr;
};

}  // namespace detail
}  // namespace coro
