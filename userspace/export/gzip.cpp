// SPDX-License-Identifier: Apache-2.0
#include "export/gzip.h"

#define ZLIB_CONST  // what is read is not written
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

namespace coroscope {

struct Gzip::Stream {
  Stream() {
    constexpr int gzip_of_32k = 15 + 16;  // window bits; zlib wants 16 more for a gzip header
    constexpr int default_memory = 8;
    // It fails for lack of memory only.
    if (deflateInit2(&state, Z_BEST_SPEED, Z_DEFLATED, gzip_of_32k, default_memory,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Stream() { deflateEnd(&state); }

  std::string compress(std::string_view data, int flush) {
    std::string out;
    std::array<Bytef, 16384> buffer;
    state.next_in = reinterpret_cast<const Bytef*>(data.data());
    state.avail_in = static_cast<uInt>(data.size());
    do {
      state.next_out = buffer.data();
      state.avail_out = buffer.size();
      deflate(&state, flush);
      out.append(reinterpret_cast<const char*>(buffer.data()), buffer.size() - state.avail_out);
    } while (state.avail_out == 0);
    return out;
  }

  z_stream state{};
};

Gzip::Gzip() : stream_(std::make_unique<Stream>()) {}

Gzip::~Gzip() = default;

std::string Gzip::add(std::string_view data) {
  constexpr size_t most = std::numeric_limits<uInt>::max();
  std::string out;
  while (!data.empty()) {
    const std::string_view piece = data.substr(0, most);
    out += stream_->compress(piece, Z_NO_FLUSH);
    data.remove_prefix(piece.size());
  }
  return out;
}

std::string Gzip::finish() {
  return stream_->compress({}, Z_FINISH);
}

}  // namespace coroscope
