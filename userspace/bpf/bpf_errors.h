// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "bpf/attach.h"
#include "util/result.h"

namespace coroscope {

// What failed, why, and what helps. `code` is an errno, `warning` what libbpf said.
Error load_error(int code, const std::string& warning);
Error attach_error(int code, const Process& process, const ProbeFile& file, const char* probe,
                   const std::string& warning);

}  // namespace coroscope
