// SPDX-License-Identifier: Apache-2.0
#include "bpf/self_test.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

// Semaphores make a probe that nobody watches cost one branch; the header wants
// to be told before it is included.
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "bpf/libbpf_log.h"
#include "bpf/map_view.h"
#include "doctor.skel.h"

extern "C" {
__extension__ unsigned short coroscope_self_test_semaphore
    __attribute__((unused, section(".probes"))) = 0;
}

namespace coroscope {
namespace {

struct SkeletonDeleter {
  void operator()(doctor_bpf* skeleton) const { doctor_bpf__destroy(skeleton); }
};
struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};

[[gnu::noinline, gnu::noclone]] void pass_probe(uint64_t value) {
  if (*static_cast<volatile unsigned short*>(&coroscope_self_test_semaphore) != 0) {
    STAP_PROBE1(coroscope, self_test, value);
  }
}

Error failed(const char* step, int code, const LibbpfLog& log) {
  const std::string warning = log.last_warning();
  return {ErrorKind::environment, fmt::format("{}: {}{}{}", step, std::strerror(code),
                                              warning.empty() ? "" : ": ", warning)};
}

}  // namespace

Result<void> test_event_delivery() {
  const LibbpfLog log;
  const std::unique_ptr<doctor_bpf, SkeletonDeleter> skeleton(doctor_bpf__open());
  if (!skeleton) return failed("open the BPF object", errno, log);
  if (const int code = doctor_bpf__load(skeleton.get()); code != 0) {
    return failed("load a BPF program", -code, log);
  }
  const std::unique_ptr<bpf_link, LinkDeleter> link(bpf_program__attach_usdt(
      skeleton->progs.on_self_test, getpid(), "/proc/self/exe", "coroscope", "self_test", nullptr));
  if (!link) return failed("attach to a probe", errno, log);
  auto view = MapView::open(bpf_map__fd(skeleton->maps.received), sizeof(uint64_t), "received");
  if (!view) return view.error();

  const uint64_t values[] = {1, 20, 300};
  for (const uint64_t value : values) pass_probe(value);
  const uint64_t sum = *view->as<volatile uint64_t>();
  if (sum == 321) return {};
  return Error{ErrorKind::environment,
               fmt::format("passed a probe three times with a sum of 321, but {} arrived; is the "
                           "probe's semaphore supported (Linux 4.20)?",
                           sum)};
}

}  // namespace coroscope
