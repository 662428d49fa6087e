// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace coroscope {

// LibbpfLog keeps what libbpf prints on this thread while it lives, so that an
// error can carry the last line of it instead of a flood on stderr. At debug
// level everything is logged as well.
class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  // The last warning without libbpf's prefix; empty if there was none.
  std::string last_warning() const;
};

}  // namespace coroscope
