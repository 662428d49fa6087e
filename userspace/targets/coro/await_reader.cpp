// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/await_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proc/clustered_reads.h"

namespace coroscope::coro {

namespace {

// Follower is a place whose chain is being followed.
class Follower {
 public:
  explicit Follower(TaskPlace& place) : place_(&place) { follow(place.first); }

  bool done() const { return link_ == 0; }

  // What it wants to read next.
  Memory::Request ask() { return {link_, &await_, sizeof await_, false}; }

  // Takes what was read.
  void take(bool ok) {
    if (!ok) {
      link_ = 0;
      return;
    }
    links_.push_back(link_);
    place_->locations.push_back(await_.location);
    follow(await_.caller);
  }

 private:
  // Goes on to `next`, unless that makes no sense or would have no end.
  void follow(uint64_t next) {
    const bool sane = links_.size() < TaskPlace::max_links && next % 8 == 0 &&
                      std::find(links_.begin(), links_.end(), next) == links_.end();
    place_->complete = next == 0;
    link_ = sane ? next : 0;
  }

  TaskPlace* place_;
  std::vector<uint64_t> links_;  // that were read
  uint64_t link_ = 0;            // to be read next; 0: that was all
  coro_await await_{};
};

}  // namespace

void read_places(const Memory& memory, std::span<TaskPlace> places) {
  std::vector<Follower> followers;
  followers.reserve(places.size());
  for (TaskPlace& place : places) followers.emplace_back(place);
  std::vector<Memory::Request> requests;
  ClusteredReads reads;  // tasks of a kind have frames side by side
  while (true) {
    std::erase_if(followers, [](const Follower& follower) { return follower.done(); });
    if (followers.empty()) return;
    requests.clear();
    for (Follower& follower : followers) requests.push_back(follower.ask());
    reads.read(memory, requests);
    for (size_t i = 0; i < followers.size(); ++i) followers[i].take(requests[i].ok);
  }
}

std::optional<SourcePlace> LocationReader::place(uint64_t address) {
  const auto found = known_.find(address);
  if (found != known_.end()) return found->second;
  coro_location location{};
  if (knows(address) || !memory_.read_value(address, &location)) return std::nullopt;
  auto function = read_text(memory_, location.function, max_text);
  if (!function || function->empty()) return std::nullopt;
  SourcePlace place;
  place.function = std::move(*function);
  place.file = read_text(memory_, location.file, max_text).value_or("");
  place.line = location.line;
  return known_.emplace(address, std::move(place)).first->second;
}

std::optional<std::string> read_text(const Memory& memory, uint64_t address, size_t most) {
  constexpr size_t page = 4096;
  constexpr size_t piece = 256;
  if (address == 0) return std::nullopt;
  std::string text;
  while (text.size() < most) {
    // Never across a page: the text may end where the mapping does.
    char bytes[piece];
    const size_t wanted = std::min({piece, page - address % page, most - text.size()});
    if (!memory.read(address, bytes, wanted)) return std::nullopt;
    const size_t length = ::strnlen(bytes, wanted);
    text.append(bytes, length);
    if (length < wanted) return text;
    address += wanted;
  }
  return text;
}

}  // namespace coroscope::coro
