// SPDX-License-Identifier: Apache-2.0
// Whether what concurrent operations returned can be explained by a sequential
// object (Herlihy and Wing, 1990), by trying every order that agrees with time,
// as Wing and Gong did (1993).
#pragma once

#include <cstdint>
#include <limits>
#include <set>
#include <utility>
#include <vector>

// Ticks order the beginnings and ends of operations.
struct Period {
  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t begin = 0;
  std::uint64_t end = never;  // never: the operation waits for ever

  auto operator<=>(const Period&) const = default;
};

// A State is a value with operator<, and
//   bool apply(const Operation&)         the operation happens now, with its result
//   bool apply_together(a, b)            two happen at once; if there are such
//   bool leaves_waiting(const std::vector<const Operation*>&)
//                                        those that wait for ever are right to
// all false if the object would not have done so. An Operation has a `period`.
template <class State, class Operation>
class Explanation {
 public:
  explicit Explanation(const std::vector<Operation>& history) : history_(history) {
    for (std::size_t i = 0; i < history.size(); ++i) {
      if (history[i].period.end != Period::never) {
        finished_ |= bit(i);
      } else {
        waiting_.push_back(&history[i]);
      }
    }
  }

  // At most 64 operations.
  [[nodiscard]] bool exists(const State& initial) { return search(0, initial); }

 private:
  static std::uint64_t bit(std::size_t i) { return std::uint64_t{1} << i; }

  // Nothing that is left was over before this one began.
  [[nodiscard]] bool may_be_next(std::size_t candidate, std::uint64_t done) const {
    if ((finished_ & ~done & bit(candidate)) == 0) return false;
    for (std::size_t i = 0; i < history_.size(); ++i) {
      const bool left = (finished_ & ~done & bit(i)) != 0;
      if (left && history_[i].period.end < history_[candidate].period.begin) return false;
    }
    return true;
  }

  bool search(std::uint64_t done, const State& state) {
    if (done == finished_) return state.leaves_waiting(waiting_);
    if (!tried_.insert({done, state}).second) return false;
    for (std::size_t i = 0; i < history_.size(); ++i) {
      if (!may_be_next(i, done)) continue;
      State after = state;
      if (after.apply(history_[i]) && search(done | bit(i), after)) return true;
      if constexpr (requires { after.apply_together(history_[i], history_[i]); }) {
        if (search_together(i, done, state)) return true;
      }
    }
    return false;
  }

  bool search_together(std::size_t i, std::uint64_t done, const State& state) {
    for (std::size_t j = 0; j < history_.size(); ++j) {
      if (i == j || !may_be_next(j, done)) continue;
      State both = state;
      if (both.apply_together(history_[i], history_[j]) && search(done | bit(i) | bit(j), both)) {
        return true;
      }
    }
    return false;
  }

  const std::vector<Operation>& history_;
  std::uint64_t finished_ = 0;
  std::vector<const Operation*> waiting_;
  std::set<std::pair<std::uint64_t, State>> tried_;
};

template <class State, class Operation>
bool is_explained(const State& initial, const std::vector<Operation>& history) {
  return Explanation<State, Operation>(history).exists(initial);
}
