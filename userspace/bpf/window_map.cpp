// SPDX-License-Identifier: Apache-2.0
#include "bpf/window_map.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace coroscope {
namespace {

// Reads all entries of a hash in batches. The bound on rounds ends a read that
// other targets' events keep extending.
Result<std::vector<std::pair<wire_window_key, wire_window_entry>>> read_hash(int fd,
                                                                             uint32_t max_entries) {
  std::vector<std::pair<wire_window_key, wire_window_entry>> entries;
  std::vector<wire_window_key> keys(std::min(max_entries, 4096u));
  std::vector<wire_window_entry> values(keys.size());
  uint64_t position = 0;
  for (uint32_t rounds = 0; rounds <= 2 * max_entries; ++rounds) {
    auto count = static_cast<uint32_t>(keys.size());
    const int failed = bpf_map_lookup_batch(fd, rounds ? &position : nullptr, &position,
                                            keys.data(), values.data(), &count, nullptr);
    const int code = failed ? errno : 0;
    if (code == ENOSPC && keys.size() < max_entries) {  // a bucket larger than the buffer
      keys.resize(std::min<size_t>(keys.size() * 2, max_entries));
      values.resize(keys.size());
      continue;
    }
    if (code && code != ENOENT) {
      return Error{ErrorKind::environment,
                   fmt::format("cannot read the BPF map of the attach window: {}; batched map "
                               "reads need Linux 5.6",
                               std::strerror(code))};
    }
    for (uint32_t i = 0; i < count; ++i) entries.emplace_back(keys[i], values[i]);
    if (code == ENOENT) break;
  }
  return entries;
}

}  // namespace

Result<Noted> take_window(int fd, uint32_t max_entries, uint32_t target) {
  auto entries = read_hash(fd, max_entries);
  if (!entries) return entries.error();
  Noted noted;
  std::vector<wire_window_key> done;
  for (const auto& [key, entry] : *entries) {
    if (key.target != target) continue;
    noted.emplace(key.id, entry);
    done.push_back(key);
  }
  auto count = static_cast<uint32_t>(done.size());
  if (count > 0) bpf_map_delete_batch(fd, done.data(), &count, nullptr);
  return noted;
}

}  // namespace coroscope
