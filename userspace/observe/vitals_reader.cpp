// SPDX-License-Identifier: Apache-2.0
#include "observe/vitals_reader.h"

#include <unistd.h>

#include "proc/modules.h"
#include "util/clock.h"

namespace coroscope {
namespace {

uint64_t setting(int name, uint64_t otherwise) {
  const long value = ::sysconf(name);
  return value > 0 ? static_cast<uint64_t>(value) : otherwise;
}

void add_usage(const ProcessStat& stat, VitalsSample& sample) {
  static const uint64_t tick_ns = 1'000'000'000 / setting(_SC_CLK_TCK, 100);
  static const uint64_t page_bytes = setting(_SC_PAGESIZE, 4096);
  sample.cpu_ns = stat.cpu_ticks * tick_ns;
  sample.threads = stat.threads;
  sample.resident_bytes = stat.resident_pages * page_bytes;
}

}  // namespace

Result<std::unique_ptr<VitalsReader>> VitalsReader::open(pid_t pid) {
  auto process = Process::open(pid);
  if (!process) return process.error();
  auto memory = ProcessMemory::open(*process);
  if (!memory) return memory.error();
  std::unique_ptr<VitalsReader> reader(new VitalsReader(std::move(*process), std::move(*memory)));
  const auto modules = list_modules(reader->process_, reader->memory_);
  if (!modules) return modules.error();
  auto target = open_target(reader->process_, reader->memory_, *modules);
  if (!target) return target.error();
  reader->target_ = std::move(*target);
  return reader;
}

Result<VitalsSample> VitalsReader::take() {
  VitalsSample sample;
  // What rates are made of first, all at about the same moment: counting takes longer.
  sample.at_ns = monotonic_ns();
  if (const auto stat = process_.stat()) add_usage(*stat, sample);
  sample.schedulers = target_->schedulers();
  sample.workers = target_->workers();
  auto count = target_->count();
  if (!count) return count.error();
  sample.count = std::move(*count);
  return sample;
}

}  // namespace coroscope
