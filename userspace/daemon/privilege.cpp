// SPDX-License-Identifier: Apache-2.0
#include "daemon/privilege.h"

#include <cap-ng.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "bpf/self_test.h"

namespace coroscope::daemon {
namespace {

// Reading the environment of others (their labels) and their files takes the last one.
constexpr std::array needed = {CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH};

Error cannot_drop(int code) {
  return {ErrorKind::environment, fmt::format("cannot give up privileges: {} ({})",
                                              code < 0 ? std::strerror(errno) : "", code)};
}

bool has(int capability) {
  return capng_have_capability(CAPNG_EFFECTIVE, static_cast<unsigned>(capability)) != 0;
}

// Kernels before 5.11 count BPF maps as locked memory.
void lift_memory_limit() {
  const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
  ::setrlimit(RLIMIT_MEMLOCK, &none);
}

// Whether uprobes can be had without CAP_SYS_ADMIN, which is put away to see.
bool works_without_admin() {
  capng_update(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) return false;
  const bool works = static_cast<bool>(test_event_delivery());
  capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
  capng_apply(CAPNG_SELECT_CAPS);
  return works;
}

sockaddr_un mark_address(socklen_t* size) {
  constexpr std::string_view name = "coroscope-serve";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // An abstract one: it goes with whoever has it.
  name.copy(address.sun_path + 1, name.size());
  *size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return address;
}

}  // namespace

Result<void> drop_privileges() {
  lift_memory_limit();
  if (const int failed = capng_get_caps_process(); failed != 0) return cannot_drop(failed);
  std::vector<int> kept;
  for (const int capability : needed) {
    if (has(capability)) kept.push_back(capability);
  }
  if (has(CAP_SYS_ADMIN) && !works_without_admin()) kept.push_back(CAP_SYS_ADMIN);
  const bool may_bound = has(CAP_SETPCAP);
  capng_clear(CAPNG_SELECT_ALL);
  for (const int capability : kept) {
    capng_update(CAPNG_ADD,
                 static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET),
                 static_cast<unsigned>(capability));
  }
  if (const int failed = capng_apply(may_bound ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS);
      failed != 0) {
    return cannot_drop(failed);
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return cannot_drop(-1);
  return {};
}

std::vector<CapabilityNeed> capability_needs() {
  capng_get_caps_process();
  const bool admin = has(CAP_SYS_ADMIN);
  std::vector<CapabilityNeed> needs = {
      {"CAP_BPF", "to load the programs that count", has(CAP_BPF)},
      {"CAP_PERFMON", "to have uprobes run them", has(CAP_PERFMON)},
      {"CAP_SYS_PTRACE", "to read the memory of processes of others", has(CAP_SYS_PTRACE)},
      {"CAP_DAC_READ_SEARCH", "to read their programs and labels", has(CAP_DAC_READ_SEARCH)}};
  for (size_t i : {0, 1}) needs[i].instead = !needs[i].had && admin;
  for (CapabilityNeed& need : needs) need.needed = !need.instead;
  CapabilityNeed last{"CAP_SYS_ADMIN", "this kernel attaches uprobes without it", admin};
  // Without the first two it fails for another reason.
  const bool known = admin || (needs[0].had && needs[1].had);
  last.needed =
      known && !(admin ? works_without_admin() : static_cast<bool>(test_event_delivery()));
  if (last.needed) last.why = "this kernel attaches uprobes for nobody else";
  if (!known) last.why = "whether this kernel wants it for uprobes is seen with the first two";
  needs.push_back(std::move(last));
  return needs;
}

std::optional<pid_t> OneOnHost::take() {
  if (held_) return std::nullopt;
  socklen_t size = 0;
  const sockaddr_un address = mark_address(&size);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  Fd mark(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!mark) return std::nullopt;
  if (::bind(mark.get(), generic, size) == 0) {
    ::listen(mark.get(), 1);
    held_ = std::move(mark);
    return std::nullopt;
  }
  if (errno != EADDRINUSE) return std::nullopt;
  ucred owner{};
  socklen_t length = sizeof owner;
  if (::connect(mark.get(), generic, size) != 0 ||
      ::getsockopt(mark.get(), SOL_SOCKET, SO_PEERCRED, &owner, &length) != 0) {
    return 0;
  }
  return owner.pid;
}

}  // namespace coroscope::daemon
