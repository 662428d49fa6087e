// SPDX-License-Identifier: Apache-2.0
#include "bpf/self_test.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

// Semaphores make a probe that nobody watches cost one branch; the header wants
// to be told before it is included.
#define _SDT_HAS_SEMAPHORES 1
// In a register, as those of the runtime are.
#define STAP_SDT_ARG_CONSTRAINT r
#include <sys/sdt.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "bpf/attach.h"
#include "bpf/libbpf_log.h"
#include "bpf/map_view.h"
#include "bpf/uprobe_multi.h"
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
  auto& programs = skeleton->progs;
  const bool shared = uprobe_multi_works();
  if (shared) load_as_uprobe_multi(programs.on_self_test_shared);
  if (const int code = doctor_bpf__load(skeleton.get()); code != 0) {
    return failed("load a BPF program", -code, log);
  }
  const auto process = Process::open(getpid());
  if (!process) return process.error();
  const auto links = attach_probes({{WIRE_PROBE_FLUSH, "self_test", programs.on_self_test}},
                                   shared ? programs.on_self_test_shared : nullptr, 0, *process,
                                   {"/proc/self/exe", "coroscope"});
  if (!links) return links.error();
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
