// SPDX-License-Identifier: Apache-2.0
#include "bpf/attach.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "bpf/bpf_errors.h"
#include "bpf/libbpf_log.h"
#include "bpf/uprobe_multi.h"
#include "bpf/usdt_sites.h"

namespace coroscope {
namespace {

// Nothing if a probe has an argument elsewhere than in a register.
std::optional<std::vector<UprobePlace>> places_of(const std::vector<ProbeProgram>& probes,
                                                  uint32_t slot,
                                                  const std::vector<UsdtSite>& sites) {
  std::vector<UprobePlace> places;
  for (const ProbeProgram& probe : probes) {
    for (const UsdtSite& site : sites) {
      if (site.probe != probe.name) continue;
      const auto words = argument_words(site.arguments);
      if (!words) return std::nullopt;
      places.push_back(
          {site.offset, site.semaphore, wire_probe_cookie(slot, probe.probe, words->data())});
    }
  }
  return places;
}

Result<Links> attach_one_by_one(const std::vector<ProbeProgram>& probes, uint32_t slot,
                                const Process& process, const ProbeFile& file) {
  const LibbpfLog log;
  Links links;
  for (const ProbeProgram& probe : probes) {
    LIBBPF_OPTS(bpf_usdt_opts, options, .usdt_cookie = slot);
    bpf_link* link = bpf_program__attach_usdt(probe.program, process.pid(), file.path.c_str(),
                                              file.provider.c_str(), probe.name, &options);
    if (link == nullptr) {
      return attach_error(errno, process, file, probe.name, log.last_warning());
    }
    links.add(link);
  }
  return links;
}

// What a process has mapped and no path leads to can be opened through /proc/PID/map_files.
Error replaced(const Process& process) {
  return {ErrorKind::environment,
          fmt::format("cannot attach to {}: the file of its runtime was replaced or deleted since, "
                      "and only CAP_CHECKPOINT_RESTORE, or CAP_SYS_ADMIN, can open it; run "
                      "`coroscope watch` as root, or restart the process",
                      process.describe())};
}

}  // namespace

// The sites are looked at in either case: libbpf takes any number of them, and any file. Whatever
// else is against one link, it meets as well, and tells.
Result<Links> attach_probes(const std::vector<ProbeProgram>& probes,
                            const bpf_program* shared_program, uint32_t slot,
                            const Process& process, const ProbeFile& file) {
  if (file.path.empty()) {
    if (process.ending()) return process.gone();
    return replaced(process);
  }
  const auto sites = read_usdt_sites(file.path, file.provider);
  if (!sites) return process.ending() ? process.gone() : sites.error();
  for (const ProbeProgram& probe : probes) {
    const bool there = std::ranges::any_of(
        *sites, [&probe](const UsdtSite& site) { return site.probe == probe.name; });
    if (!there) return attach_error(ENOENT, process, file, probe.name, "");
  }
  if (shared_program != nullptr) {
    const auto places = places_of(probes, slot, *sites);
    Fd link;
    if (places) {
      link = link_uprobes(bpf_program__fd(shared_program), file.path, *places, process.pid());
    }
    if (link) {
      Links links;
      links.add(std::move(link));
      return links;
    }
  }
  return attach_one_by_one(probes, slot, process, file);
}

}  // namespace coroscope
