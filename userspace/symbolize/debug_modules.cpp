// SPDX-License-Identifier: Apache-2.0
#include "symbolize/debug_modules.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "symbolize/debug_files.h"
#include "symbolize/memory_image.h"

namespace coroscope {
namespace {

using namespace std::chrono_literals;

constexpr size_t max_open_files = 256;  // of one target; further modules come from memory
constexpr auto first_refresh_delay = 10ms;
constexpr auto max_refresh_delay = 10s;

// Nearly every stack ends in it, and where its debug information is installed, it is
// compressed: to inflate it took half of a dump of 10,000 coroutines, for lines that
// nobody asked for. Its functions have their names without.
bool is_c_library(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  // "libc-2.31.so" until glibc 2.34. There are other libraries whose names begin with libc-.
  return name.starts_with("libc.so.") || name.starts_with("libc-2.") ||
         name.starts_with("ld-linux");
}

bool same_module(const Module& a, const Module& b) {
  return a.start == b.start && a.end == b.end && a.path == b.path && a.build_id == b.build_id;
}

}  // namespace

Result<std::unique_ptr<DebugModules>> DebugModules::open(const Process& process,
                                                         const Memory& memory) {
  DebugServers::hide_from_libdw();
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

void DebugModules::release() {
  dwfl_end(dwfl_);
  for (const std::unique_ptr<Entry>& entry : entries_) {
    entry->dwfl = nullptr;
    entry->alternate.reset();
    entry->usable = true;
    entry->checked = entry->dwarf = entry->dwarf_prepared = false;
  }
  inflatable_ = most_inflated;
  if (begin()) (void)report();
}

bool DebugModules::begin() {
  callbacks_.find_elf = &DebugModules::find_elf;
  callbacks_.find_debuginfo = &DebugModules::find_debuginfo;
  dwfl_ = dwfl_begin(&callbacks_);
  return dwfl_ != nullptr;
}

std::unique_ptr<DebugModules::Entry> DebugModules::make_entry(const Module& module) {
  auto entry = std::make_unique<Entry>();
  entry->owner = this;
  entry->module = module;
  const auto is_open = [](const std::unique_ptr<Entry>& other) {
    return other && bool(other->file);
  };
  const auto open_files = std::count_if(entries_.begin(), entries_.end(), is_open);
  if (!module.open_path.empty() && static_cast<size_t>(open_files) < max_open_files) {
    entry->file = open_regular(module.open_path);
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
  if (dwfl_ == nullptr) return false;
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
  // With a name but no descriptor, libdwfl would open the name.
  const int fd = ::fcntl(entry->file.get(), F_DUPFD_CLOEXEC, 0);
  if (fd >= 0) *file_name = ::strdup(entry->module.path.c_str());
  return fd;
}

int DebugModules::find_debuginfo(Dwfl_Module*, void** userdata, const char*, Dwarf_Addr,
                                 const char*, const char* link, GElf_Word checksum, char**) {
  auto* entry = static_cast<Entry*>(*userdata);
  // A link without checksum is that to an alternate file: see prepare_dwarf.
  if (entry == nullptr || (link != nullptr && checksum == 0)) return -1;
  DebugFileQuery query;
  query.module_file = entry->file.get();
  query.module_path = entry->module.path;
  query.target_root = entry->owner->process_.proc_path("root");
  query.build_id = entry->module.build_id;
  query.debug_link = link == nullptr ? "" : link;
  query.checksum = checksum;
  std::string path;
  Fd file = find_debug_file(query, &path);
  if (!file) file = entry->owner->ask_servers(query);
  if (!file || !entry->owner->affordable(inflated_size(file.get()))) return -1;
  return ::fcntl(file.get(), F_DUPFD_CLOEXEC, 0);
}

Fd DebugModules::ask_servers(const DebugFileQuery& query) {
  Fd file = servers_.find(query.build_id);
  return file && is_debug_file(file.get(), query) ? std::move(file) : Fd();
}

void DebugModules::prepare_dwarf(Entry* entry) {
  if (entry->dwarf_prepared || !entry->usable) return;
  entry->dwarf_prepared = true;
  if (is_c_library(entry->module.path)) return;
  Dwarf_Addr bias = 0;
  Dwarf* dwarf = dwfl_module_getdwarf(entry->dwfl, &bias);
  if (dwarf == nullptr) return;
  const char* link = nullptr;
  const void* id = nullptr;
  const ssize_t size = dwelf_dwarf_gnu_debugaltlink(dwarf, &link, &id);
  Fd file;
  if (size > 0) {
    DebugFileQuery query;
    query.module_file = entry->file.get();
    query.module_path = entry->module.path;
    query.target_root = process_.proc_path("root");
    query.build_id = {static_cast<const std::byte*>(id), static_cast<size_t>(size)};
    query.debug_link = link;
    std::string path;
    file = find_alternate_file(query, &path);
    if (!file) file = ask_servers(query);
    if (file && !affordable(inflated_size(file.get()))) file.reset();
  }
  entry->alternate = std::make_unique<AlternateDwarf>();
  entry->dwarf = entry->alternate->attach(dwarf, std::move(file));
}

// Whether so much may be inflated; if so, it counts as used.
bool DebugModules::affordable(uint64_t inflated) {
  if (inflated > inflatable_) return false;
  inflatable_ -= inflated;
  return true;
}

// Does without a file that would take too much to read; memory still has some of it.
void DebugModules::make_safe(Entry* entry) {
  if (entry->file && !affordable(inflated_size(entry->file.get()))) {
    entry->file.reset();
    entry->image = read_file_image(memory_, entry->module);
  }
  if (entry->image.empty()) return;
  Elf* elf = elf_memory(reinterpret_cast<char*>(entry->image.data()), entry->image.size());
  if (elf == nullptr || !affordable(inflated_size(elf))) entry->image.clear();
  elf_end(elf);
}

// Opens the file on first use, and does without it if it is not what is mapped.
bool DebugModules::usable(Entry* entry) {
  if (entry->checked) return entry->usable;
  entry->checked = true;
  entry->usable = false;
  if (entry->dwfl == nullptr) return false;
  make_safe(entry);
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

DebugModules::Entry* DebugModules::lookup(uint64_t pc) {
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
