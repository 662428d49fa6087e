// SPDX-License-Identifier: Apache-2.0
#include "observe/member_names.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "util/text.h"

namespace coroscope {
namespace {

constexpr size_t most_told = 8;       // names, and labels, of a population
constexpr size_t longest_text = 128;  // of a name, a key or a value

std::string told(const std::string& text) {
  return shorten(printable(text), longest_text);
}

// The most common ones; of those equally common, in the order of the map.
template <typename Key>
std::vector<std::pair<Key, uint64_t>> most_common(const std::map<Key, uint64_t>& counts) {
  std::vector<std::pair<Key, uint64_t>> all(counts.begin(), counts.end());
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (all.size() > most_told) all.resize(most_told);
  return all;
}

}  // namespace

ReportedNames count_names(const Target& target, std::span<const MemberPlace> members) {
  std::map<std::string, uint64_t> names;
  std::map<std::pair<std::string, std::string>, uint64_t> labels;
  for (const MemberPlace& member : members) {
    const auto annotation = target.annotation(member.slot, member.id);
    if (!annotation) continue;
    if (!annotation->name.empty()) names[told(annotation->name)]++;
    for (const auto& [key, value] : annotation->labels) labels[{told(key), told(value)}]++;
  }
  ReportedNames reported;
  reported.asked = members.size();
  for (auto& [name, count] : most_common(names)) reported.names.push_back({name, count});
  for (auto& [label, count] : most_common(labels)) {
    reported.labels.push_back({label.first, label.second, count});
  }
  return reported;
}

}  // namespace coroscope
