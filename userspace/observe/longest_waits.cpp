// SPDX-License-Identifier: Apache-2.0
#include "observe/longest_waits.h"

#include <algorithm>

namespace coroscope {
namespace {

constexpr size_t most_places = 10;

struct Place {
  SpawnStack stack = 0;
  ParkCounters counted{};
};

}  // namespace

ReportedWaits longest_waits(const std::vector<ParkCounters>& parks, uint32_t sample,
                            StackNames& names) {
  ReportedWaits waits;
  waits.asked = !parks.empty();
  std::vector<Place> places;
  for (size_t stack = 0; stack < parks.size(); ++stack) {
    if (parks[stack].unparks == 0) continue;
    places.push_back({static_cast<SpawnStack>(stack), parks[stack]});
    waits.ended += parks[stack].unparks * sample;
    waits.parked_ns += parks[stack].parked_ns * sample;
  }
  const size_t shown = std::min(places.size(), most_places);
  std::partial_sort(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(shown),
                    places.end(), [](const Place& a, const Place& b) {
                      if (a.counted.parked_ns != b.counted.parked_ns) {
                        return a.counted.parked_ns > b.counted.parked_ns;
                      }
                      return a.stack < b.stack;
                    });
  waits.other_places = places.size() - shown;
  for (size_t i = 0; i < shown; ++i) {
    const ParkCounters& counted = places[i].counted;
    waits.places.push_back({places[i].stack, names.spawn_frames(places[i].stack),
                            counted.unparks * sample, counted.parked_ns * sample});
  }
  return waits;
}

}  // namespace coroscope
