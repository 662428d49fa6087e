// SPDX-License-Identifier: Apache-2.0
#include "bpf/links.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <mutex>

namespace coroscope {
namespace {

// Each has the pages of ours written down: more of them take longer to start than they save.
constexpr size_t max_keepers = 16;

struct Pipe {
  Fd read, write;

  static Pipe open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
    return {Fd(ends[0]), Fd(ends[1])};
  }
  explicit operator bool() const { return static_cast<bool>(read); }
};

// Until the other end is closed by all that have it, by their end too.
void await_end(const Fd& read) {
  char none = 0;
  while (::read(read.get(), &none, 1) < 0 && errno == EINTR) {
  }
}

// Processes that have all our descriptors, but each only its share of the links; they end when
// told to, or when we do. No signal but SIGKILL ends them before.
class Keepers {
 public:
  // There may be fewer than one for each link, or none at all.
  static Keepers start(const std::vector<Fd>& links) {
    Keepers keepers;
    keepers.gate_ = Pipe::open();
    Pipe ready = Pipe::open();
    if (!keepers.gate_ || !ready) return keepers;
    const size_t count = std::clamp<size_t>(links.size(), 1, max_keepers);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t share = 0; share < count; ++share) {
      // Not fork(): other threads may hold locks that its handlers would want.
      const pid_t keeper = ::_Fork();
      if (keeper == 0) keepers.keep(links, share, count, ready);
      if (keeper > 0) keepers.children_.push_back(keeper);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ready.write.reset();
    await_end(ready.read);
    return keepers;
  }

  // Closes what they keep.
  void end() {
    gate_.write.reset();
    for (const pid_t child : children_) {
      while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }

 private:
  // The links of others are not the last ones here: to close them takes no time.
  [[noreturn]] void keep(const std::vector<Fd>& links, size_t share, size_t count,
                         const Pipe& ready) const {
    ::close(gate_.write.get());
    for (size_t i = 0; i < links.size(); ++i) {
      if (i % count != share) ::close(links[i].get());
    }
    ::close(ready.write.get());
    await_end(gate_.read);
    ::_exit(0);
  }

  Pipe gate_;
  std::vector<pid_t> children_;
};

template <typename List>
void append(List& to, List& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  from.clear();
}

}  // namespace

void Links::Destroy::operator()(bpf_link* link) const {
  bpf_link__destroy(link);
}

Links& Links::operator=(Links&& other) noexcept {
  if (this == &other) return *this;
  remove();
  of_libbpf_ = std::move(other.of_libbpf_);
  links_ = std::move(other.links_);
  return *this;
}

void Links::add(Links&& others) {
  append(of_libbpf_, others.of_libbpf_);
  append(links_, others.links_);
}

// Where there can be no child, they are closed here: they are not to stay for that.
void Links::remove() {
  if (of_libbpf_.empty() && links_.empty()) return;
  // Of two at once the keepers of each would have the other's gate open, and wait for it.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  Keepers keepers = Keepers::start(links_);
  of_libbpf_.clear();
  links_.clear();
  keepers.end();
}

}  // namespace coroscope
