// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <elfutils/libdwfl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proc/memory.h"
#include "proc/modules.h"
#include "proc/process.h"
#include "symbolize/alternate_dwarf.h"
#include "symbolize/debug_files.h"
#include "symbolize/debug_servers.h"
#include "util/fd.h"
#include "util/result.h"

namespace coroscope {

// DebugModules is the target's list of modules as libdwfl sees it. Files are
// opened when a module is first seen and read when an address in it is first
// looked up.
class DebugModules {
 public:
  struct Entry {
    DebugModules* owner = nullptr;
    std::unique_ptr<AlternateDwarf> alternate;
    Module module;
    Dwfl_Module* dwfl = nullptr;
    bool usable = true;  // false: its file can not be read, or lies at another bias
    bool checked = false;
    bool dwarf = false;  // prepare_dwarf() found some
    bool dwarf_prepared = false;
    std::string name;  // to libdwfl, unique
    Fd file;
    std::vector<std::byte> image;  // of the file, if only memory has it
  };

  static Result<std::unique_ptr<DebugModules>> open(const Process& process, const Memory& memory);
  ~DebugModules();
  DebugModules(const DebugModules&) = delete;
  DebugModules& operator=(const DebugModules&) = delete;

  // The module that holds `pc`, or null. Lists the modules again (the target
  // may have loaded one) if there is none, but ever more rarely while that is in vain.
  Entry* find(uint64_t pc);

  // Finds the DWARF of a usable module, on first use. No DWARF may be read before.
  void prepare_dwarf(Entry* entry);

  // Closes what libdwfl has read; the files stay open, and are read again when an address is
  // looked up. All that came from a Dwfl_Module is void.
  void release();

  const std::vector<Module>& modules() const { return modules_; }

  // Moves when a module went away: what was derived from addresses is void then.
  uint64_t generation() const { return generation_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr uint64_t most_inflated = uint64_t{4} << 30;

  DebugModules(const Process& process, const Memory& memory) : process_(process), memory_(memory) {}

  static int find_elf(Dwfl_Module* module, void** userdata, const char* name, Dwarf_Addr base,
                      char** file_name, Elf** elf);

  static int find_debuginfo(Dwfl_Module* module, void** userdata, const char* name, Dwarf_Addr base,
                            const char* file_name, const char* link, GElf_Word checksum,
                            char** debug_file_name);

  bool begin();
  Fd ask_servers(const DebugFileQuery& query);
  bool affordable(uint64_t inflated);
  void make_safe(Entry* entry);
  void adopt(std::vector<Module> modules);
  std::unique_ptr<Entry> make_entry(const Module& module);
  bool report();
  Entry* lookup(uint64_t pc);
  bool refresh();
  bool usable(Entry* entry);

  const Process& process_;
  const Memory& memory_;
  uint64_t inflatable_ = most_inflated;  // bytes that compressed sections may still take
  DebugServers servers_;
  Dwfl_Callbacks callbacks_{};
  Dwfl* dwfl_ = nullptr;
  std::vector<Module> modules_;                  // ascending, as entries_
  std::vector<std::unique_ptr<Entry>> entries_;  // one for each of modules_
  std::vector<std::unique_ptr<Entry>> retired_;  // gone, but libdwfl was not told yet
  uint64_t generation_ = 0;
  uint64_t next_serial_ = 0;
  Clock::time_point next_refresh_{};
  Clock::duration refresh_delay_{};
};

}  // namespace coroscope
