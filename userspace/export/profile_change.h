// SPDX-License-Identifier: Apache-2.0
// What is other in a process after a while, as a profile: as Go's profiles of `seconds`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "export/profile_parts.h"
#include "model/dump_query.h"

namespace coroscope {

// ProfileChange takes two dumps of one process, of groups. A sample is by how many coroutines
// there are more at a place: less than none, if there are fewer. Where there are as many as
// before is no sample. How long they wait is not in it: that changes everywhere.
class ProfileChange {
 public:
  // The dump is not needed any more then.
  explicit ProfileChange(const DumpPage& before);
  // The whole profile. Once only.
  std::string finish(const DumpPage& after);

 private:
  using Key = std::pair<std::vector<ProfileWriter::LocationId>, ProfileLabels>;

  void count(const DumpPage& page, int64_t sign);

  ProfileWriter profile_;
  std::map<Key, int64_t> more_;
  uint64_t began_unix_ns_;
};

}  // namespace coroscope
