// SPDX-License-Identifier: Apache-2.0
// From the mappings of a process to its runtime: ELF headers, notes, descriptor. Each
// segment of the input is a mapping of a file.
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "image_input.h"
#include "proc/maps.h"
#include "proc/modules.h"
#include "proc/process.h"
#include "promise.h"
#include "symbolize/memory_image.h"
#include "targets/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace coroscope::fuzz {
namespace {

constexpr uint64_t page = 4096;

// As the kernel has them: whole pages, ascending, none inside of another.
std::vector<Mapping> mappings_of(const InputMemory& memory) {
  std::vector<Mapping> mappings;
  for (const InputMemory::Segment& segment : memory.segments()) {
    Mapping mapping;
    mapping.start = segment.address / page * page;
    mapping.end = mapping.start + (segment.bytes.size() + page - 1) / page * page;
    mapping.inode = 1 + mappings.size() / 2;  // a file has two: code, and the rest
    mapping.offset = mappings.size() % 2 * page;
    mapping.readable = true;
    mapping.executable = true;
    mapping.path = mappings.size() == 4 ? "[vdso]" : "/lib/it.so";
    if (mapping.start < mapping.end) mappings.push_back(std::move(mapping));
  }
  std::sort(mappings.begin(), mappings.end(),
            [](const Mapping& a, const Mapping& b) { return a.start < b.start; });
  const auto overlap = [](const Mapping& a, const Mapping& b) { return b.start < a.end; };
  mappings.erase(std::unique(mappings.begin(), mappings.end(), overlap), mappings.end());
  return mappings;
}

void check_notes(const InputMemory& memory, const Module& module) {
  size_t bytes = 0;
  const std::vector<ElfNote> notes = read_notes(memory, module);
  promise(notes.size() <= max_notes, "notes are bounded");
  for (const ElfNote& note : notes) {
    bytes += note.owner.size() + note.description.size();
    promise(module.contains(note.description_address) || note.description.empty(),
            "a note is in its module");
  }
  promise(bytes <= max_note_bytes * (1 + module.note_segments.size()), "notes are bounded");
}

void check_modules(const InputMemory& memory, const std::vector<Module>& modules) {
  uint64_t end = 0;
  for (const Module& module : modules) {
    promise(module.start >= end && module.start < module.end, "modules are one after the other");
    promise(find_module(modules, module.start) == &module, "a module is found");
    promise(module.build_id.size() <= 64, "build ids are bounded");
    check_notes(memory, module);
    promise(read_file_image(memory, module).size() <= 64 << 20, "images of files are bounded");
    end = module.end;
  }
}

void check_text(std::string_view text) {
  size_t skipped = 0;
  const std::vector<Mapping> mappings = parse_maps(text, &skipped);
  promise(mappings.size() + skipped <= text.size() + 1, "a line is a mapping at most");
  for (const Mapping& mapping : mappings) {
    promise(mapping.start <= mapping.end, "mappings do not end before they begin");
  }
  (void)parse_stat(text);
}

}  // namespace
}  // namespace coroscope::fuzz

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coroscope;
  using namespace coroscope::fuzz;
  check_text({reinterpret_cast<const char*>(data), size});
  static const Process process = std::move(Process::open(::getpid())).value();
  const InputMemory memory(parse_records({data, size}));
  const std::vector<Module> modules = modules_in(mappings_of(memory), memory);
  check_modules(memory, modules);
  const auto target = open_target(process, memory, modules);
  if (memory.still()) {
    promise(has_runtime(memory, modules) || !target, "who has a target has a runtime");
  }
  if (target) (void)(*target)->count();
  return 0;
}
