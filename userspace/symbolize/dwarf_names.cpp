// SPDX-License-Identifier: Apache-2.0
#include "symbolize/dwarf_names.h"

#include <dwarf.h>

#include <cstdlib>
#include <memory>
#include <string_view>

#include "symbolize/frame.h"

namespace coroscope {
namespace {

// One step to where `die` is declared: that is what stands in a namespace or class.
bool follow(Dwarf_Die* die) {
  Dwarf_Attribute attribute;
  Dwarf_Die next;
  if ((dwarf_attr(die, DW_AT_abstract_origin, &attribute) == nullptr &&
       dwarf_attr(die, DW_AT_specification, &attribute) == nullptr) ||
      dwarf_formref_die(&attribute, &next) == nullptr) {
    return false;
  }
  *die = next;
  return true;
}

constexpr int max_hops = 16;  // links of a hostile file may go round

// Not dwarf_attr_integrate: it does not bound what it follows in every version, and goes
// on to split units, which are files that the target names.
const char* string_attribute(const Dwarf_Die& die, unsigned int name) {
  Dwarf_Die current = die;
  for (int hop = 0; hop < max_hops; hop++) {
    Dwarf_Attribute attribute;
    if (dwarf_attr(&current, name, &attribute) != nullptr) return dwarf_formstring(&attribute);
    if (!follow(&current)) break;
  }
  return nullptr;
}

const char* plain_name(Dwarf_Die* die) {
  return string_attribute(*die, DW_AT_name);
}

Dwarf_Die declaration(const Dwarf_Die& die) {
  Dwarf_Die current = die;
  for (int hop = 0; hop < max_hops && follow(&current); hop++) {
  }
  return current;
}

// How one scope reads in the qualified name of `member`; empty if it adds nothing.
std::string scope_name(Dwarf_Die* scope, std::string_view member) {
  const char* name = plain_name(scope);
  switch (dwarf_tag(scope)) {
    case DW_TAG_namespace:
      return name == nullptr ? "(anonymous namespace)" : name;
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type: {
      // GCC calls a lambda's class "<lambda(int)>", its demangler "{lambda(int)#1}".
      constexpr std::string_view lambda = "<lambda";
      if (name == nullptr) return member == "operator()" ? "{lambda}" : "{unnamed}";
      const std::string_view text(name);
      if (!text.starts_with(lambda) || !text.ends_with('>')) return name;
      return "{" + std::string(text.substr(1, text.size() - 2)) + "}";
    }
    case DW_TAG_subprogram: {
      const char* linkage = linkage_name(scope);
      if (linkage != nullptr) return demangle(linkage);
      return name == nullptr ? std::string() : std::string(name) + "()";
    }
    default:
      return {};
  }
}

}  // namespace

const char* linkage_name(Dwarf_Die* die) {
  for (const unsigned int name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    if (const char* text = string_attribute(*die, name)) return text;
  }
  return nullptr;
}

std::string qualified_name(Dwarf_Die* die) {
  const char* plain = plain_name(die);
  if (plain == nullptr) return {};
  std::string name = plain;
  Dwarf_Die declared = declaration(*die);
  Dwarf_Die* found = nullptr;
  const int count = dwarf_getscopes_die(&declared, &found);
  const std::unique_ptr<Dwarf_Die, void (*)(void*)> scopes(found, std::free);
  // The first is the function itself; what follows holds it, from inside to outside.
  for (int i = 1; i < count; i++) {
    const std::string scope = scope_name(&found[i], name);
    if (!scope.empty()) name.insert(0, scope + "::");
    // A function's own name is complete, with its scopes.
    if (dwarf_tag(&found[i]) == DW_TAG_subprogram && linkage_name(&found[i]) != nullptr) break;
  }
  return name;
}

}  // namespace coroscope
