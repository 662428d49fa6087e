// SPDX-License-Identifier: Apache-2.0
// Attaching the programs to the probes of a target.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bpf/links.h"
#include "proc/process.h"
#include "util/result.h"
#include "wire.h"

struct bpf_program;

namespace coroscope {

// ProbeFile is the file of a target in which its probes are.
struct ProbeFile {
  std::string path;      // opens the very file that the target mapped; empty: none does
  std::string provider;  // of the USDT probes
};

// A probe to attach to, with the program that is for it alone.
struct ProbeProgram {
  enum wire_probe probe;
  const char* name;
  bpf_program* program;
};

// Attaches to the probes in their order, for the target in `slot`: by one link to
// `shared_program`, if there is one and all arguments are in registers; else one by one. Errors:
// as bpf_errors.h has them; then none is attached.
Result<Links> attach_probes(const std::vector<ProbeProgram>& probes,
                            const bpf_program* shared_program, uint32_t slot,
                            const Process& process, const ProbeFile& file);

}  // namespace coroscope
