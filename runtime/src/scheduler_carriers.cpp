// SPDX-License-Identifier: Apache-2.0
// The threads of a scheduler.
#include <mutex>
#include <utility>

#include "scheduler_core.h"

namespace coro::detail {

Carrier& SchedulerCore::add_carrier() {
  const std::lock_guard guard(carriers_mutex_);
  auto carrier = std::make_unique<Carrier>(*this);
  carriers_.reserve(carriers_.size() + 1);
  spare_.reserve(carriers_.size() + 1);
  if (stopping()) carrier->finish();
  carrier->start();
  carriers_.push_back(std::move(carrier));
  put(figures().threads, static_cast<std::uint32_t>(carriers_.size()));
  return *carriers_.back();
}

Carrier* SchedulerCore::take_spare() noexcept {
  {
    const std::lock_guard guard(carriers_mutex_);
    if (!spare_.empty()) {
      Carrier* carrier = spare_.back();
      spare_.pop_back();
      return carrier;
    }
  }
  try {
    return &add_carrier();
  } catch (...) {
    return nullptr;
  }
}

void SchedulerCore::add_spare(Carrier& carrier) noexcept {
  const std::lock_guard guard(carriers_mutex_);
  spare_.push_back(&carrier);
}

// More may be added as long as one runs.
void SchedulerCore::join_carriers() noexcept {
  for (std::size_t i = 0;; ++i) {
    Carrier* carrier = nullptr;
    {
      const std::lock_guard guard(carriers_mutex_);
      if (i == carriers_.size()) return;
      carrier = carriers_[i].get();
    }
    carrier->finish();
    carrier->join();
  }
}

}  // namespace coro::detail
