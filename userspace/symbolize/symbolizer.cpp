// SPDX-License-Identifier: Apache-2.0
#include "symbolize/symbolizer.h"

#include <dwarf.h>

#include <algorithm>
#include <unordered_map>

#include "symbolize/debug_modules.h"
#include "symbolize/dwarf_index.h"
#include "symbolize/dwarf_names.h"
#include "util/clock.h"

namespace coroscope {
namespace {

// See rest().
constexpr uint64_t shortest_quiet_ns = 3'000'000'000;
constexpr uint64_t quiet_for_each_ns = 100;
constexpr uint64_t soon_for_each_ns = 10;

constexpr size_t max_frames = 1 << 18;  // a target can not make the cache grow for ever

std::string text_of(const char* text) {
  return text == nullptr ? std::string() : text;
}

// The symbol that `pc` lies in, or null. A symbol without a size (assembly)
// counts only near its begin: past that it is a guess.
const char* symbol_name(Dwfl_Module* module, uint64_t pc) {
  constexpr uint64_t near = 4096;
  GElf_Off offset = 0;
  GElf_Sym symbol{};
  const char* name = dwfl_module_addrinfo(module, pc, &offset, &symbol, nullptr, nullptr, nullptr);
  if (name == nullptr || *name == '\0') return nullptr;
  return offset < (symbol.st_size != 0 ? symbol.st_size : near) ? name : nullptr;
}

// Of an inlined function: where it was called from.
void set_call_site(Dwarf_Die* unit, Dwarf_Die* inlined, Frame* frame) {
  Dwarf_Attribute attribute;
  Dwarf_Word file = 0;
  Dwarf_Word line = 0;
  Dwarf_Files* files = nullptr;
  size_t count = 0;
  if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) == 0 &&
      dwarf_getsrcfiles(unit, &files, &count) == 0 && file < count) {
    frame->file = text_of(dwarf_filesrc(files, file, nullptr, nullptr));
  }
  if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) == 0 &&
      line <= UINT32_MAX) {
    frame->line = static_cast<uint32_t>(line);
  }
}

void set_line(DwarfIndex::Chain* chain, Frame* frame) {
  Dwarf_Line* line = dwarf_getsrc_die(&chain->unit, chain->address);
  int number = 0;
  if (line == nullptr) return;
  frame->file = text_of(dwarf_linesrc(line, nullptr, nullptr));
  if (dwarf_lineno(line, &number) == 0 && number > 0) frame->line = static_cast<uint32_t>(number);
}

std::string function_name(Dwarf_Die* die, Dwfl_Module* module, uint64_t pc, bool physical) {
  if (const char* name = linkage_name(die)) return demangle(name);
  // Compilers leave the linkage name out for local classes; the symbol of the
  // physical function still tells where it belongs.
  if (physical) {
    const char* symbol = symbol_name(module, pc);
    if (symbol != nullptr && symbol[0] == '_' && symbol[1] == 'Z') return demangle(symbol);
  }
  return qualified_name(die);
}

}  // namespace

struct Symbolizer::State {
  std::unordered_map<uint64_t, std::vector<Frame>> cache;  // by pc * 2 + is_return_address
  std::unordered_map<const DebugModules::Entry*, DwarfIndex> indexes;
  std::vector<Frame> unknown;
  uint64_t generation = 0;
  uint64_t read_ns = 0;  // of a processor, for look-ups since the last rest
  uint64_t last_ns = 0;  // when the latest of these was; 0: there was none

  std::vector<Frame> look_up(DebugModules::Entry* entry, uint64_t pc, uint64_t lookup);
  bool add_dwarf_frames(DebugModules::Entry* entry, uint64_t lookup, const Frame& base,
                        std::vector<Frame>* frames);
};

bool Symbolizer::State::add_dwarf_frames(DebugModules::Entry* entry, uint64_t lookup,
                                         const Frame& base, std::vector<Frame>* frames) {
  DwarfIndex& index = indexes.try_emplace(entry, entry->dwfl).first->second;
  DwarfIndex::Chain chain;
  if (!index.find(lookup, &chain)) return false;
  // From the innermost on. Its line is in the line table; that of each other
  // is where the one inlined into it was called.
  for (size_t i = chain.scopes.size(); i-- > 0;) {
    Frame frame = base;
    frame.inlined = i > 0;
    frame.function = function_name(&chain.scopes[i], entry->dwfl, lookup, i == 0);
    if (i + 1 == chain.scopes.size()) {
      set_line(&chain, &frame);
    } else {
      set_call_site(&chain.unit, &chain.scopes[i + 1], &frame);
    }
    frames->push_back(std::move(frame));
  }
  return true;
}

std::vector<Frame> Symbolizer::State::look_up(DebugModules::Entry* entry, uint64_t pc,
                                              uint64_t lookup) {
  Frame base;
  base.address = pc;
  base.module = entry->module.path;
  base.offset = pc - entry->module.bias;
  std::vector<Frame> frames;
  if (entry->dwarf && add_dwarf_frames(entry, lookup, base, &frames)) return frames;
  if (entry->usable) {
    if (const char* symbol = symbol_name(entry->dwfl, lookup)) base.function = demangle(symbol);
  }
  frames.push_back(std::move(base));
  return frames;
}

Symbolizer::Symbolizer(std::unique_ptr<DebugModules> debug_modules)
    : debug_modules_(std::move(debug_modules)), state_(std::make_unique<State>()) {}

Symbolizer::~Symbolizer() = default;

Result<std::unique_ptr<Symbolizer>> Symbolizer::open(const Process& process, const Memory& memory) {
  Result<std::unique_ptr<DebugModules>> modules = DebugModules::open(process, memory);
  if (!modules) return modules.error();
  return std::unique_ptr<Symbolizer>(new Symbolizer(std::move(*modules)));
}

const std::vector<Module>& Symbolizer::modules() const {
  return debug_modules_->modules();
}

const std::vector<Frame>& Symbolizer::frames(uint64_t pc, bool is_return_address) {
  State& state = *state_;
  const uint64_t lookup = pc - (is_return_address && pc != 0 ? 1 : 0);
  const uint64_t key = pc * 2 + (is_return_address ? 1 : 0);
  if (state.generation == debug_modules_->generation()) {
    const auto known = state.cache.find(key);
    if (known != state.cache.end()) return known->second;
  }
  DebugModules::Entry* entry = debug_modules_->find(lookup);
  if (state.generation != debug_modules_->generation() || state.cache.size() >= max_frames) {
    state.generation = debug_modules_->generation();
    state.cache.clear();
    state.indexes.clear();
  }
  if (entry == nullptr) {
    // Not cached: the next look-up may find a module that was loaded since.
    state.unknown.assign(1, Frame{});
    state.unknown.front().address = pc;
    return state.unknown;
  }
  const uint64_t begun = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  debug_modules_->prepare_dwarf(entry);
  const auto& frames = state.cache.emplace(key, state.look_up(entry, pc, lookup)).first->second;
  state.read_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun;
  state.last_ns = monotonic_ns();
  return frames;
}

bool Symbolizer::rests() const {
  return state_->last_ns == 0;
}

bool Symbolizer::rest(uint64_t now_ns, bool soon) {
  State& state = *state_;
  const uint64_t quiet_ns = soon ? soon_for_each_ns * state.read_ns
                                 : std::max(shortest_quiet_ns, quiet_for_each_ns * state.read_ns);
  if (rests() || now_ns < state.last_ns + quiet_ns) return false;
  state.indexes.clear();
  debug_modules_->release();
  state.read_ns = state.last_ns = 0;
  return true;
}

}  // namespace coroscope
