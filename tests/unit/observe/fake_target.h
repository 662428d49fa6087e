// SPDX-License-Identifier: Apache-2.0
// A target that says what a test wants to hear.
#pragma once

#include <map>

#include "targets/target.h"

namespace coroscope {

class FakeTarget : public Target {
 public:
  std::string runtime() const override { return "fake 1.0"; }
  std::string probe_path() const override { return {}; }
  std::string probe_provider() const override { return {}; }
  uint32_t stacks_now() const override { return 0; }
  uint32_t stacks_at_most() const override { return 0; }
  uint64_t stacks_lost() const override { return 0; }
  uint64_t coroutines_at_most() const override { return 0; }
  uint32_t workers() const override { return 1; }
  Result<Census> census(const UnwindContext&) override { return Census{}; }
  Result<Headcount> count() override { return Headcount{}; }
  std::vector<uint64_t> spawn_stack(SpawnStack) override { return {}; }
  std::string spawn_stack_cut(SpawnStack) const override { return {}; }
  std::string reason_name(Reason) const override { return {}; }
  bool is_runtime_function(std::string_view function) const override {
    return function.starts_with("coro::");
  }
  std::optional<WaitObject> wait_object(uint64_t address) const override {
    return find(objects, address);
  }
  std::optional<WaitObject> object_of(uint32_t, uint64_t, uint64_t object) const override {
    return wait_object(object);
  }
  std::optional<WaitObject> object_of_wait(const Member& member) const override {
    return object_of(member.slot, member.id, member.object);
  }
  std::optional<SourcePlace> place(uint64_t place) override { return find(places, place); }
  std::optional<Annotation> annotation(uint32_t, uint64_t id) const override {
    return find(annotations, id);
  }
  std::optional<Select> select(uint32_t, uint64_t id) const override { return find(selects, id); }
  std::optional<Schedulers> schedulers() const override { return std::nullopt; }

  std::map<uint64_t, WaitObject> objects;
  std::map<uint64_t, SourcePlace> places;
  std::map<uint64_t, Annotation> annotations;  // by id of the coroutine
  std::map<uint64_t, Select> selects;

 private:
  template <typename T>
  static std::optional<T> find(const std::map<uint64_t, T>& in, uint64_t key) {
    const auto found = in.find(key);
    return found == in.end() ? std::nullopt : std::optional<T>(found->second);
  }
};

}  // namespace coroscope
