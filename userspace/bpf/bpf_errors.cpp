// SPDX-License-Identifier: Apache-2.0
#include "bpf/bpf_errors.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace coroscope {

Error load_error(int code, const std::string& warning) {
  std::string hint = "run `coroscope doctor` to see what this host allows";
  if (code == EPERM || code == EACCES) {
    hint = "run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE";
  } else if (code == ENOSYS) {
    hint = "this kernel was built without BPF";
  }
  return {ErrorKind::environment,
          fmt::format("cannot load the BPF programs: {}{}{}; {}", std::strerror(code),
                      warning.empty() ? "" : ": ", warning, hint)};
}

Error attach_error(int code, const Process& process, const ProbeFile& file, const char* probe,
                   const std::string& warning) {
  const std::string what =
      fmt::format("cannot attach to probe {}:{} of {}", file.provider, probe, process.describe());
  if (process.ending()) return process.gone();
  if (code == EPERM || code == EACCES) {
    return {ErrorKind::environment,
            fmt::format("{}: {}; run as root, or with CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, and "
                        "CAP_SYS_ADMIN, which some kernels want for uprobes",
                        what, std::strerror(code))};
  }
  if (code == ENOENT) {
    return {ErrorKind::target_bad,
            fmt::format("{}: {} has no such probe; was it built with CORO_PROBES=OFF?", what,
                        file.path)};
  }
  return {ErrorKind::environment,
          fmt::format("{}: {}{}{}; run `coroscope doctor` to see what this host allows", what,
                      std::strerror(code), warning.empty() ? "" : ": ", warning)};
}

}  // namespace coroscope
