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

// Adds each range of `die` to `ranges`; returns how many it has.
template <typename Ranges>
int add_ranges(Dwarf_Die* die, Ranges* ranges) {
  Dwarf_Addr base = 0;
  Dwarf_Addr low = 0;
  Dwarf_Addr high = 0;
  int count = 0;
  for (ptrdiff_t at = 0; (at = dwarf_ranges(die, at, &base, &low, &high)) > 0;) {
    if (low < high && ranges->size() < max_functions) ranges->push_back({low, high, *die});
    count++;
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
    Dwarf_Die next;
    more = dwarf_siblingof(&child, &next);
    child = next;
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
    Dwarf_Die next;
    more = dwarf_siblingof(&child, &next);
    child = next;
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
  if (!find_unit(chain->address, &chain->unit)) return false;
  if (!find_function(&chain->unit, chain->address, &function)) return false;
  chain->scopes.push_back(function);
  add_inlined(&function, chain->address, 0, &chain->scopes);
  return true;
}

}  // namespace coroscope
