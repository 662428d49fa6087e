// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/await_reader.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace coroscope::coro {

AwaitChain read_awaits(const Memory& memory, uint64_t header_address, uint64_t first,
                       HeaderCopies* copies) {
  AwaitChain chain;
  std::vector<uint64_t> links;
  for (uint64_t link = first; link != 0;) {
    if (links.size() == AwaitChain::max_links || link % 8 != 0) return chain;
    if (std::find(links.begin(), links.end(), link) != links.end()) return chain;
    // The header along with each link, so that it takes no call of its own.
    coro_await await{};
    Memory::Request requests[] = {{header_address, &copies->before, sizeof copies->before, false},
                                  {link, &await, sizeof await, false},
                                  {header_address, &copies->after, sizeof copies->after, false}};
    const std::span<Memory::Request> needed = std::span(requests).subspan(links.empty() ? 0 : 1);
    memory.read_many(needed);
    copies->read = requests[2].ok && (requests[0].ok || !links.empty());
    if (!copies->read || !requests[1].ok) return chain;
    links.push_back(link);
    chain.locations.push_back(await.location);
    link = await.caller;
  }
  chain.complete = true;
  return chain;
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
