// SPDX-License-Identifier: Apache-2.0
// A mutex that goes to who has waited longest, for checked_program.h.
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "checked_program.h"

// Who waits, in order, and who was served and does not know yet.
struct Line {
  std::vector<unsigned> waiting;
  std::set<unsigned> served;
  auto operator<=>(const Line&) const = default;

  bool serve_next() {
    if (waiting.empty()) return false;
    served.insert(waiting.front());
    waiting.erase(waiting.begin());
    return true;
  }
  [[nodiscard]] bool has(unsigned id) const { return std::ranges::count(waiting, id) == 1; }

  // Whether it can be that `id` was served, or gave up; that is then over.
  bool leave(unsigned id, std::optional<bool> success) {
    if (success.value_or(true) && served.erase(id) == 1) return true;
    return !success.value_or(false) && std::erase(waiting, id) == 1;
  }
};

// Those that wait for ever do so in this line, and had no limit.
inline bool all_wait_in(const Line& line, const std::vector<const Event*>& waiting) {
  return std::ranges::all_of(waiting, [&line](const Event* event) {
    return event->step.patience == Patience::unlimited && line.has(event->id);
  });
}

struct MutexModel {
  bool locked = false;
  Line line;
  auto operator<=>(const MutexModel&) const = default;

  bool apply(const Event& event) {
    switch (event.phase) {
      case Phase::whole:
        return event.step.action == Action::take ? try_lock() == event.success
                                                 : unlock() == event.success;
      case Phase::ask:
      case Phase::ask_again:
        ask(event.id);
        return true;
      case Phase::outcome:
      case Phase::outcome_again:
        return line.leave(event.id, event.success);
    }
    return false;
  }

  [[nodiscard]] bool leaves_waiting(const std::vector<const Event*>& waiting) const {
    return all_wait_in(line, waiting);
  }

  void ask(unsigned id) { try_lock() ? void(line.served.insert(id)) : line.waiting.push_back(id); }
  bool try_lock() { return !std::exchange(locked, true); }
  bool unlock() {
    if (!locked) return false;
    locked = line.serve_next();
    return true;
  }
};
