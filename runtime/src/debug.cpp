// SPDX-License-Identifier: Apache-2.0
#include "coro/debug.h"

#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <memory>
#include <new>
#include <ostream>
#include <string_view>
#include <tuple>
#include <vector>

#include "clock.h"
#include "coro/go.h"
#include "dump.h"
#include "park.h"
#include "spawn.h"

namespace coro::debug {
namespace {

using detail::DumpWriter;
using detail::Snapshot;
using detail::TextWriter;
using detail::WalkedStack;

// What a dump needs and a small stack has no room for.
struct Work {
  Snapshot snapshot;
  WalkedStack self;
};

struct Unmap {
  void operator()(Work* work) const noexcept { munmap(work, sizeof(Work)); }
};

// Not allocated: the caller may be in a signal handler.
std::unique_ptr<Work, Unmap> map_work() noexcept {
  void* memory =
      mmap(nullptr, sizeof(Work), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  return std::unique_ptr<Work, Unmap>(::new (memory) Work());
}

void dump_each(DumpWriter& writer, Work& work) {
  const std::uint64_t self = current_id();
  detail::for_each_header([&](coro_header& header) {
    switch (work.snapshot.take(header)) {
      case Snapshot::Result::none:
        return;
      case Snapshot::Result::busy:
        detail::write_identity(writer.out(), work.snapshot.header().id, "");
        writer.out() << " [changes too fast to be read]\n\n";
        return;
      case Snapshot::Result::read:
        const bool is_self = work.snapshot.header().id == self;
        writer.write(work.snapshot, is_self ? &work.self : nullptr);
    }
  });
}

// What makes coroutines alike.
using GroupKey = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint64_t,
                            std::vector<std::uint64_t>>;

struct Group {
  std::unique_ptr<Snapshot> first;
  std::uint64_t count = 0;
  std::vector<std::uint64_t> ids;  // of some
  std::uint64_t since_first = ~std::uint64_t{0};
  std::uint64_t since_last = 0;
};

GroupKey key_of(const Snapshot& coroutine) {
  const coro_header& header = coroutine.header();
  std::vector<std::uint64_t> frames;
  frames.reserve(coroutine.depth());
  for (std::uint32_t i = 0; i < coroutine.depth(); ++i) {
    if (header.kind == CORO_KIND_TASK) {
      frames.push_back(coroutine.awaits()[i].function);
      frames.push_back(coroutine.awaits()[i].line);
    } else {
      frames.push_back(coroutine.frames()[i]);
    }
  }
  const bool waits = header.state == CORO_STATE_PARKED || header.state == CORO_STATE_PARKING;
  return {header.state, waits ? header.reason : 0, header.spawn_stack_id, header.entry,
          std::move(frames)};
}

void add(Group& group, const Snapshot& coroutine) {
  constexpr std::size_t most_ids = 10;
  const coro_header& header = coroutine.header();
  if (group.first == nullptr) group.first = std::make_unique<Snapshot>(coroutine);
  ++group.count;
  if (group.ids.size() < most_ids) group.ids.push_back(header.id);
  group.since_first = std::min(group.since_first, header.since_ns);
  group.since_last = std::max(group.since_last, header.since_ns);
}

void write_group(DumpWriter& writer, const Group& group) {
  TextWriter& out = writer.out();
  const coro_header& header = group.first->header();
  out << group.count << " coroutines [";
  writer.write_state(*group.first);
  if (header.state == CORO_STATE_PARKED) {
    const std::uint64_t now = std::max(detail::exact_now(), group.since_last);
    out << ", ";
    out.duration(now - group.since_last) << " to ";
    out.duration(now - group.since_first);
  }
  out << "]: ";
  std::string_view separator;
  for (const std::uint64_t id : group.ids) {
    out << separator << id;
    separator = ", ";
  }
  out << (group.count > group.ids.size() ? ", ...\n" : "\n");
  writer.write_frames(*group.first, nullptr);
  writer.write_creation(0, header.spawn_stack_id);
  out << "\n";
}

void dump_groups(DumpWriter& writer, Work& work) {
  std::map<GroupKey, Group> groups;
  detail::for_each_header([&](coro_header& header) {
    if (work.snapshot.take(header) != Snapshot::Result::read) return;
    add(groups[key_of(work.snapshot)], work.snapshot);
  });
  std::vector<const Group*> largest;
  for (const auto& [key, group] : groups) largest.push_back(&group);
  std::stable_sort(largest.begin(), largest.end(),
                   [](const Group* a, const Group* b) { return a->count > b->count; });
  for (const Group* group : largest) write_group(writer, *group);
}

void walk_self(WalkedStack& stack, const void* frame) noexcept {
  stack = {};
  detail::walk_stack(frame, detail::current_bounds(detail::current_coroutine()), stack);
}

void write_total(TextWriter& out) {
  const std::uint64_t total = count();
  out << total << (total == 1 ? " coroutine\n\n" : " coroutines\n\n");
}

}  // namespace

std::uint64_t count() noexcept {
  std::uint64_t live = 0;
  detail::for_each_header([&live](coro_header& header) {
    if (detail::get(header.id) != 0) ++live;
  });
  return live;
}

__attribute__((noinline)) void dump(std::ostream& stream, const DumpOptions& options) {
  const auto work = map_work();
  if (work == nullptr) throw std::bad_alloc();
  walk_self(work->self, __builtin_frame_address(0));
  const auto sink = [](void* context, std::string_view text) {
    static_cast<std::ostream*>(context)->write(text.data(),
                                               static_cast<std::streamsize>(text.size()));
  };
  TextWriter out(sink, &stream);
  write_total(out);
  DumpWriter writer(out, true);
  options.group ? dump_groups(writer, *work) : dump_each(writer, *work);
  out.flush();
}

__attribute__((noinline)) void dump(int file) noexcept {
  const auto work = map_work();
  TextWriter out(file);
  write_total(out);
  if (work == nullptr) return;
  walk_self(work->self, __builtin_frame_address(0));
  DumpWriter writer(out, false);
  dump_each(writer, *work);
}

}  // namespace coro::debug
