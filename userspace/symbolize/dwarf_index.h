// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <elfutils/libdwfl.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace coroscope {

// DwarfIndex finds the functions at an address in the DWARF of one module.
// Units are found by their own ranges (not every compiler writes .debug_aranges),
// and the functions of a unit are listed when it is first needed.
class DwarfIndex {
 public:
  explicit DwarfIndex(Dwfl_Module* module) : module_(module) {}

  struct Chain {
    Dwarf_Die unit{};
    Dwarf_Addr address = 0;         // as in the DWARF
    std::vector<Dwarf_Die> scopes;  // the physical function, then what is inlined, outermost first
  };

  // `pc` is in the target. False if no function is known there.
  bool find(Dwarf_Addr pc, Chain* chain);

 private:
  struct Range {
    Dwarf_Addr low;
    Dwarf_Addr high;
    Dwarf_Die die;
  };
  using Ranges = std::vector<Range>;

  struct Unit {
    Ranges functions;
    bool deep = false;  // functions nested in functions are listed too
  };

  bool find_unit(Dwarf_Addr address, Dwarf_Die* unit);
  bool find_function(Dwarf_Die* unit, Dwarf_Addr address, Dwarf_Die* function);
  void list_units();
  static void list_functions(Dwarf_Die* parent, bool deep, int depth, Ranges* functions);

  Dwfl_Module* module_;
  bool units_listed_ = false;
  Ranges units_;
  std::unordered_map<const void*, Unit> functions_;  // by the unit's own address in libdw
};

}  // namespace coroscope
