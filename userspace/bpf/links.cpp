// SPDX-License-Identifier: Apache-2.0
#include "bpf/links.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "util/fd.h"

namespace coroscope {
namespace {

// Has all our descriptors, and closes them by its end, once `gate` is closed by us: or by our
// end, if we are killed. No signal but SIGKILL ends it before. -1 if there can be none.
pid_t start_keeper(Fd& gate) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return -1;
  const Fd closed(ends[0]);
  gate = Fd(ends[1]);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // Not fork(): other threads may hold locks that its handlers would want.
  const pid_t keeper = ::_Fork();
  if (keeper == 0) {
    ::close(ends[1]);
    char none = 0;
    while (::read(ends[0], &none, 1) < 0 && errno == EINTR) {
    }
    ::_exit(0);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return keeper;
}

}  // namespace

void Links::Destroy::operator()(bpf_link* link) const {
  bpf_link__destroy(link);
}

// Where there can be no child, they are closed here: they are not to stay for that.
void Links::remove() {
  if (links_.empty()) return;
  Fd gate;
  const pid_t keeper = start_keeper(gate);
  links_.clear();
  gate.reset();
  if (keeper < 0) return;
  while (::waitpid(keeper, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace coroscope
