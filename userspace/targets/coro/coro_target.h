// SPDX-License-Identifier: Apache-2.0
// Adapter for the bundled runtime (runtime/PROBES.md).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "targets/coro/await_reader.h"
#include "targets/coro/depot_reader.h"
#include "targets/coro/descriptor.h"
#include "targets/coro/id_set.h"
#include "targets/coro/names.h"
#include "targets/coro/object_reader.h"
#include "targets/coro/scheduler_reader.h"
#include "targets/coro/stack_reader.h"
#include "targets/coro/table_reader.h"
#include "targets/target.h"

namespace coroscope::coro {

class CoroTarget : public Target {
 public:
  // The runtime at the first place that has coroutines, or simply the first.
  static Result<std::unique_ptr<Target>> open(const Process& process, const Memory& memory,
                                              const std::vector<DescriptorPlace>& places);

  std::string runtime() const override;
  std::string probe_path() const override { return place_.probe_path; }
  std::string probe_provider() const override { return "coro"; }
  uint32_t stacks_now() const override;
  uint32_t stacks_at_most() const override;
  uint64_t stacks_lost() const override;
  uint64_t coroutines_at_most() const override;
  uint32_t workers() const override;
  uint32_t other_copies() const override { return other_copies_; }
  Result<Census> census(const UnwindContext& unwind) override;
  Result<Headcount> count() override;
  std::vector<uint64_t> spawn_stack(SpawnStack id) override;
  std::string spawn_stack_cut(SpawnStack id) const override;
  std::string reason_name(Reason reason) const override;
  bool is_runtime_function(std::string_view function) const override;
  bool may_have_holder(Reason reason) const override { return may_wait_for_one(reason); }
  std::optional<WaitObject> wait_object(uint64_t address) const override;
  std::optional<WaitObject> object_of(uint32_t slot, uint64_t id, uint64_t object) const override;
  std::optional<WaitObject> object_of_wait(const Member& member) const override;
  std::optional<SourcePlace> place(uint64_t place) override;
  std::optional<Annotation> annotation(uint32_t slot, uint64_t id) const override;
  std::optional<Select> select(uint32_t slot, uint64_t id) const override;
  std::optional<StackBounds> stack_bounds(uint32_t slot, uint64_t id) const override;
  std::optional<Schedulers> schedulers() const override;
  bool hands_over_batches() const override;
  EventRings event_rings() const override;

 private:
  CoroTarget(const Process& process, const Memory& memory, DescriptorPlace place,
             const coro_descriptor& descriptor);

  // The descriptor as it is now; nothing if it can not be read, or is not what
  // it was at open any more.
  std::optional<coro_descriptor> descriptor_now(CensusLosses& losses) const;
  // A field of it that changes while the target runs.
  std::optional<uint32_t> read_now(size_t offset) const;
  bool ended(uint64_t unread) const;
  void scan_table(uint32_t slabs, const UnwindContext& unwind, Census& census);
  ParkedStack stack_of(TableHeader& entry, const UnwindContext& unwind, Census& census);
  void add_waiting(const UnwindContext& unwind, Census& census);
  Member member_of(TableHeader& entry, const UnwindContext& unwind, Census& census);

  const Process& process_;
  const Memory& memory_;
  DescriptorPlace place_;
  coro_descriptor descriptor_;
  bool tells_deadlines_;
  uint32_t other_copies_ = 0;
  TableReader table_;
  StackReader stacks_;
  DepotReader depot_;
  LocationReader locations_;
  ObjectReader objects_;
  SchedulerReader schedulers_;
  IdSet ids_;                         // of the census under way
  std::vector<TableHeader> waiting_;  // found by it, but not yet in it
  uint32_t slots_ = 0;                // of the last one
  mutable uint64_t stacks_lost_ = 0;
};

}  // namespace coroscope::coro
