// SPDX-License-Identifier: Apache-2.0
#include "symbolize/debug_modules.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "symbolize/memory_image.h"

namespace coroscope {
namespace {

using namespace std::chrono_literals;

constexpr size_t max_open_files = 256;  // of one target; further modules come from memory
constexpr auto first_refresh_delay = 10ms;
constexpr auto max_refresh_delay = 10s;

// libdw asks debuginfod servers if the environment names some. A look-up must
// not wait for a network, so in this process none is named.
void forget_debuginfod() {
  static std::once_flag once;
  std::call_once(once, [] { ::unsetenv("DEBUGINFOD_URLS"); });
}

bool same_module(const Module& a, const Module& b) {
  return a.start == b.start && a.end == b.end && a.path == b.path && a.build_id == b.build_id;
}

// Debug files are searched beside this name, when they are first needed. Our own
// path is best, if it is the same file: it stays when the target ends.
std::string name_for_debug_links(const Process& process, const Module& module) {
  struct stat ours {};
  struct stat opened {};
  if (::stat(module.path.c_str(), &ours) == 0 && ::stat(module.open_path.c_str(), &opened) == 0 &&
      ours.st_ino == opened.st_ino && ours.st_dev == opened.st_dev) {
    return module.path;
  }
  return process.proc_path("root") + module.path;
}

}  // namespace

Result<std::unique_ptr<DebugModules>> DebugModules::open(const Process& process,
                                                         const Memory& memory) {
  forget_debuginfod();
  Result<std::vector<Module>> modules = list_modules(process, memory);
  if (!modules) return modules.error();
  std::unique_ptr<DebugModules> self(new DebugModules(process, memory));
  if (!self->begin()) {
    return Error{ErrorKind::environment, fmt::format("can not set up libdwfl for {}: {}",
                                                     process.describe(), dwfl_errmsg(-1))};
  }
  self->adopt(std::move(*modules));
  if (!self->report()) {
    return Error{ErrorKind::environment, fmt::format("can not report the modules of {}: {}",
                                                     process.describe(), dwfl_errmsg(-1))};
  }
  if (!process.alive()) return process.gone();
  return self;
}

DebugModules::~DebugModules() {
  dwfl_end(dwfl_);
}

bool DebugModules::begin() {
  // '+' has the checksum of a debug link checked. The target's own files may lie in a container.
  debug_path_ = "+:.debug:/usr/lib/debug:" + process_.proc_path("root") + "/usr/lib/debug";
  debug_path_pointer_ = debug_path_.data();
  callbacks_.find_elf = &DebugModules::find_elf;
  callbacks_.find_debuginfo = &dwfl_standard_find_debuginfo;
  callbacks_.debuginfo_path = &debug_path_pointer_;
  dwfl_ = dwfl_begin(&callbacks_);
  return dwfl_ != nullptr;
}

std::unique_ptr<DebugModules::Entry> DebugModules::make_entry(const Module& module) const {
  auto entry = std::make_unique<Entry>();
  entry->module = module;
  entry->file_name = name_for_debug_links(process_, module);
  const auto is_open = [](const std::unique_ptr<Entry>& other) {
    return other && bool(other->file);
  };
  const auto open_files = std::count_if(entries_.begin(), entries_.end(), is_open);
  if (!module.open_path.empty() && static_cast<size_t>(open_files) < max_open_files) {
    // Never a FIFO or a device: open_path was a regular file; if it is none now, we do not wait.
    entry->file = Fd(::open(module.open_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  }
  if (!entry->file) entry->image = read_file_image(memory_, module);
  return entry;
}

// Makes `modules` the list; entries of modules that were there before are kept.
void DebugModules::adopt(std::vector<Module> modules) {
  std::vector<std::unique_ptr<Entry>> entries;
  entries.reserve(modules.size());
  size_t kept = 0;
  const size_t before = entries_.size();
  for (const Module& module : modules) {
    const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
      return entry && same_module(entry->module, module);
    });
    if (known != entries_.end()) {
      entries.push_back(std::move(*known));
      kept++;
    } else {
      entries.push_back(make_entry(module));
    }
  }
  if (kept != before) generation_++;
  // The modules that go are closed by libdwfl in report(), so their images must live until then.
  retired_ = std::move(entries_);
  entries_ = std::move(entries);
  modules_ = std::move(modules);
}

bool DebugModules::report() {
  dwfl_report_begin(dwfl_);
  for (const std::unique_ptr<Entry>& entry : entries_) {
    // The name tells libdwfl whether it is a module that it knows, so it must be unique.
    if (entry->name.empty()) entry->name = fmt::format("{}#{}", entry->module.path, next_serial_++);
    entry->dwfl =
        dwfl_report_module(dwfl_, entry->name.c_str(), entry->module.start, entry->module.end);
    if (entry->dwfl == nullptr) continue;
    void** userdata = nullptr;
    dwfl_module_info(entry->dwfl, &userdata, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    *userdata = entry.get();
  }
  const bool good = dwfl_report_end(dwfl_, nullptr, nullptr) == 0;
  retired_.clear();
  return good;
}

int DebugModules::find_elf(Dwfl_Module*, void** userdata, const char*, Dwarf_Addr, char** file_name,
                           Elf** elf) {
  auto* entry = static_cast<Entry*>(*userdata);
  if (entry == nullptr) return -1;
  if (!entry->image.empty()) {
    *elf = elf_memory(reinterpret_cast<char*>(entry->image.data()), entry->image.size());
    return -1;
  }
  *file_name = ::strdup(entry->file_name.c_str());
  return ::fcntl(entry->file.get(), F_DUPFD_CLOEXEC, 0);
}

// Opens the file on first use, and does without it if it is not what is mapped.
bool DebugModules::usable(Entry* entry) const {
  if (entry->checked) return entry->usable;
  entry->checked = true;
  entry->usable = false;
  if (entry->dwfl == nullptr) return false;
  GElf_Addr bias = 0;
  Elf* elf = dwfl_module_getelf(entry->dwfl, &bias);
  if (elf == nullptr || bias != entry->module.bias) return false;
  const void* id = nullptr;
  const ssize_t size = dwelf_elf_gnu_build_id(elf, &id);
  const std::vector<std::byte>& expected = entry->module.build_id;
  if (!expected.empty() && size > 0 &&
      (static_cast<size_t>(size) != expected.size() ||
       std::memcmp(id, expected.data(), expected.size()) != 0)) {
    return false;
  }
  entry->usable = true;
  return true;
}

DebugModules::Entry* DebugModules::lookup(uint64_t pc) const {
  const Module* module = find_module(modules_, pc);
  if (module == nullptr) return nullptr;
  Entry* entry = entries_[static_cast<size_t>(module - modules_.data())].get();
  (void)usable(entry);
  return entry;
}

bool DebugModules::refresh() {
  const Clock::time_point now = Clock::now();
  if (now < next_refresh_) return false;
  const size_t before = modules_.size();
  const uint64_t generation = generation_;
  Result<std::vector<Module>> modules = list_modules(process_, memory_);
  if (modules) {
    adopt(std::move(*modules));
    (void)report();
  }
  const bool changed = modules_.size() != before || generation_ != generation;
  refresh_delay_ = changed ? Clock::duration::zero()
                           : std::clamp<Clock::duration>(refresh_delay_ * 2, first_refresh_delay,
                                                         max_refresh_delay);
  next_refresh_ = now + refresh_delay_;
  return changed;
}

DebugModules::Entry* DebugModules::find(uint64_t pc) {
  Entry* entry = lookup(pc);
  if (entry == nullptr && pc != 0 && refresh()) entry = lookup(pc);
  return entry;
}

}  // namespace coroscope
