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

void add_unplaced(const Account& account, ReportedWaits& waits) {
  uint64_t ended = 0;
  uint64_t parked_ns = 0;
  for (const StackBalance& row : account.stacks) {
    ended += row.events.unparks;
    parked_ns += row.events.parked_ns;
  }
  // The counters of both are not of one instant.
  waits.unplaced = ended - std::min(ended, waits.ended);
  waits.unplaced_ns = parked_ns - std::min(parked_ns, waits.parked_ns);
}

}  // namespace

ReportedWaits longest_waits(const std::vector<ParkCounters>& parks, const Account& account,
                            StackNames& names) {
  const uint64_t sample = account.sample;
  ReportedWaits waits;
  waits.asked = !parks.empty();
  std::vector<Place> places;
  for (size_t stack = 0; stack < parks.size(); ++stack) {
    if (parks[stack].unparks == 0) continue;
    places.push_back({static_cast<SpawnStack>(stack), parks[stack]});
    waits.ended += parks[stack].unparks * sample;
    waits.parked_ns += parks[stack].parked_ns * sample;
  }
  add_unplaced(account, waits);
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
