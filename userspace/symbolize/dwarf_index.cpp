// SPDX-License-Identifier: Apache-2.0
#include "symbolize/dwarf_index.h"

#include <dwarf.h>

#include <algorithm>

namespace coroscope {
namespace {

// Bounds for what a hostile or broken file may make us follow.
constexpr int max_nesting = 64;
constexpr size_t max_functions = 1 << 20;
constexpr size_t max_inlined = 64;
constexpr int max_ranges = 1 << 17;  // of one function or unit

// Moves on to the next child. A sibling that lies behind would have us go round for ever.
int next_sibling(Dwarf_Die* die) {
  Dwarf_Die next;
  const int result = dwarf_siblingof(die, &next);
  if (result == 0 && next.addr <= die->addr) return -1;
  *die = next;
  return result;
}

// A unit whose functions are in another file (.dwo). libdw would open it by the name
// that the target gives, so such a unit is not looked into.
bool is_skeleton(const Dwarf_Die& unit) {
  Dwarf_Half version = 0;
  uint8_t type = 0;
  return dwarf_cu_info(unit.cu, &version, &type, nullptr, nullptr, nullptr, nullptr, nullptr) !=
             0 ||
         type == DW_UT_skeleton;
}

// Adds each range of `die` to `ranges`; returns how many it has.
template <typename Ranges>
int add_ranges(Dwarf_Die* die, Ranges* ranges) {
  Dwarf_Addr base = 0;
  Dwarf_Addr low = 0;
  Dwarf_Addr high = 0;
  int count = 0;
  for (ptrdiff_t at = 0; (at = dwarf_ranges(die, at, &base, &low, &high)) > 0;) {
    if (++count > max_ranges || ranges->size() >= max_functions) break;
    if (low < high) ranges->push_back({low, high, *die});
  }
  return count;
}

template <typename Ranges>
void sort_ranges(Ranges* ranges) {
  std::stable_sort(ranges->begin(), ranges->end(),
                   [](const auto& a, const auto& b) { return a.low < b.low; });
}

template <typename Ranges>
const typename Ranges::value_type* find_range(const Ranges& ranges, Dwarf_Addr address) {
  auto at = std::upper_bound(ranges.begin(), ranges.end(), address,
                             [](Dwarf_Addr value, const auto& range) { return value < range.low; });
  // Nested functions begin after and end before what holds them, so a few
  // steps back may be needed.
  for (int steps = 0; at != ranges.begin() && steps < 8; steps++) {
    --at;
    if (address < at->high) return &*at;
  }
  return nullptr;
}

bool has_ranges(Dwarf_Die* die) {
  Dwarf_Addr base = 0;
  Dwarf_Addr low = 0;
  Dwarf_Addr high = 0;
  return dwarf_ranges(die, 0, &base, &low, &high) > 0;
}

// Appends the functions inlined at `address` below `parent`, outermost first.
// A lexical block without addresses of its own may still hold some.
bool add_inlined(Dwarf_Die* parent, Dwarf_Addr address, int depth, std::vector<Dwarf_Die>* scopes) {
  Dwarf_Die child;
  if (depth > max_nesting || scopes->size() > max_inlined) return false;
  for (int more = dwarf_child(parent, &child); more == 0;) {
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) {
      if (dwarf_haspc(&child, address) > 0) {
        if (tag == DW_TAG_inlined_subroutine) scopes->push_back(child);
        add_inlined(&child, address, depth + 1, scopes);
        return true;
      }
      if (tag == DW_TAG_lexical_block && !has_ranges(&child) &&
          add_inlined(&child, address, depth + 1, scopes)) {
        return true;
      }
    }
    more = next_sibling(&child);
  }
  return false;
}

}  // namespace

void DwarfIndex::list_units() {
  units_listed_ = true;
  Dwarf_Addr bias = 0;
  Dwarf_Die* unit = nullptr;
  while ((unit = dwfl_module_nextcu(module_, unit, &bias)) != nullptr) {
    if (dwarf_tag(unit) == DW_TAG_compile_unit) add_ranges(unit, &units_);
  }
  sort_ranges(&units_);
}

bool DwarfIndex::find_unit(Dwarf_Addr address, Dwarf_Die* unit) {
  Dwarf_Addr bias = 0;
  if (dwfl_module_getdwarf(module_, &bias) == nullptr) return false;
  Dwarf_Die* quick = dwfl_module_addrdie(module_, address + bias, &bias);
  if (quick != nullptr && dwarf_haspc(quick, address) > 0) {
    *unit = *quick;
    return true;
  }
  if (!units_listed_) list_units();
  const Range* range = find_range(units_, address);
  if (range == nullptr) return false;
  *unit = range->die;
  return true;
}

void DwarfIndex::list_functions(Dwarf_Die* parent, bool deep, int depth, Ranges* functions) {
  Dwarf_Die child;
  if (depth > max_nesting) return;
  for (int more = dwarf_child(parent, &child); more == 0;) {
    switch (dwarf_tag(&child)) {
      case DW_TAG_subprogram:
        add_ranges(&child, functions);
        if (deep) list_functions(&child, deep, depth + 1, functions);
        break;
      case DW_TAG_lexical_block:
      case DW_TAG_namespace:
      case DW_TAG_module:
      case DW_TAG_class_type:
      case DW_TAG_structure_type:
      case DW_TAG_union_type:
        list_functions(&child, deep, depth + 1, functions);
        break;
      default:
        break;
    }
    more = next_sibling(&child);
  }
}

bool DwarfIndex::find_function(Dwarf_Die* unit, Dwarf_Addr address, Dwarf_Die* function) {
  const auto [at, is_new] = functions_.try_emplace(unit->addr);
  Unit& known = at->second;
  if (is_new) {
    list_functions(unit, false, 0, &known.functions);
    sort_ranges(&known.functions);
  }
  const Range* range = find_range(known.functions, address);
  if (range == nullptr && !known.deep) {
    known.deep = true;
    known.functions.clear();
    list_functions(unit, true, 0, &known.functions);
    sort_ranges(&known.functions);
    range = find_range(known.functions, address);
  }
  if (range == nullptr) return false;
  *function = range->die;
  return true;
}

bool DwarfIndex::find(Dwarf_Addr pc, Chain* chain) {
  Dwarf_Addr bias = 0;
  if (dwfl_module_getdwarf(module_, &bias) == nullptr) return false;
  chain->address = pc - bias;
  chain->scopes.clear();
  Dwarf_Die function;
  if (!find_unit(chain->address, &chain->unit) || is_skeleton(chain->unit)) return false;
  if (!find_function(&chain->unit, chain->address, &function)) return false;
  chain->scopes.push_back(function);
  add_inlined(&function, chain->address, 0, &chain->scopes);
  return true;
}

}  // namespace coroscope
