// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace coroscope {

// Gzip compresses piece by piece, so that what is written need not be kept.
class Gzip {
 public:
  Gzip();
  ~Gzip();

  // What has come out so far, which may be nothing: zlib gathers.
  std::string add(std::string_view data);
  // The rest. Nothing may be added any more.
  std::string finish();

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace coroscope
