// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "coro/abi.h"

namespace coro::detail {

// PublishedScheduler is a scheduler's place in the descriptor's list, and the
// memory of its workers, which begin with their figures. That is kept, and used
// again by a later scheduler, since an observer may read it at any time.
class PublishedScheduler {
 public:
  // Throws std::bad_alloc. A scheduler that finds no place is counted as lost,
  // and its figures are where nobody looks.
  explicit PublishedScheduler(std::size_t workers);
  ~PublishedScheduler();
  PublishedScheduler(const PublishedScheduler&) = delete;
  PublishedScheduler& operator=(const PublishedScheduler&) = delete;

  [[nodiscard]] coro_scheduler& figures() noexcept { return *figures_; }
  // CORO_WORKER_STRIDE bytes that begin with a zeroed coro_worker.
  [[nodiscard]] void* worker(std::size_t index) noexcept;

 private:
  coro_scheduler* figures_;
  coro_scheduler unlisted_{};
};

}  // namespace coro::detail
