// SPDX-License-Identifier: Apache-2.0
// How members came to a group of which nobody left: by the ages of those who are there.
#pragma once

#include <cstdint>

#include "model/age_bins.h"

namespace coroscope {

// Members whose age is between two, as if they were spread evenly in their bin.
double count_between(const AgeBins& bins, uint64_t from_ns, uint64_t to_ns);
uint64_t count_beyond(const AgeBins& bins, size_t first_bin);
// The least age of the oldest; 0 if there is none.
uint64_t oldest_ns(const AgeBins& bins);

// Whether members came at an undiminished rate for `time_ns`, or for two, four and so on
// times that if few do; of those older than `beyond_ns`. What fills up comes slower and
// slower; a pool grows now and then; what was started at once is all of one age.
bool came_undiminished(const AgeBins& present, uint64_t beyond_ns, uint64_t time_ns);

}  // namespace coroscope
