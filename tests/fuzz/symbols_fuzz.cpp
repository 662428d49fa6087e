// SPDX-License-Identifier: Apache-2.0
// What a binary says for our reports: names of functions, as linkers and compilers
// write them, and the expressions of its call frame information.
#include <cxxabi.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "promise.h"
#include "symbolize/cfi_expression.h"
#include "symbolize/demangle_cost.h"
#include "symbolize/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace coroscope::fuzz {
namespace {

constexpr uint64_t most_cost = 1 << 20;  // what demangle takes on

void check_cost(const std::string& name) {
  const uint64_t cost = demangle_cost(name);
  if (!name.starts_with("_Z") || cost > most_cost) return;
  const std::unique_ptr<char, void (*)(void*)> result(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, nullptr), std::free);
  promise(!result || std::strlen(result.get()) <= cost, "a name costs no more than was said");
}

void check_name(const std::string& name) {
  const std::string shown = demangle(name.c_str());
  promise(shown.size() <= 4096, "names are bounded");
  for (const std::string& text : {shown, name}) {
    // "f<", cut off, becomes "f<>".
    promise(short_function(text).size() <= text.size() + 1, "short names are short");
  }
  check_cost(name);
}

// Operations of 9 bytes each; the input is the stack too.
void check_expression(const uint8_t* data, size_t size) {
  constexpr size_t operation_bytes = 9;
  constexpr size_t most = 32;
  std::vector<CfiOperation> operations(std::min(size / operation_bytes, most));
  for (size_t i = 0; i < operations.size(); ++i) {
    const uint8_t* at = data + i * operation_bytes;
    operations[i].atom = *at;
    std::memcpy(&operations[i].number, at + 1, sizeof operations[i].number);
    operations[i].number2 = operations[i].number >> 32;
  }
  Registers registers;
  const StackBytes stack{0x7000, {reinterpret_cast<const std::byte*>(data), size}};
  registers.set(arch.stack_pointer, stack.address);
  registers.set(max_registers - 1, 1);
  const uint64_t cfa = stack.address + 16;
  uint64_t results[2]{};
  const CfiStatus first = run_expression(operations, registers, &cfa, stack, &results[0]);
  const CfiStatus second = run_expression(operations, registers, &cfa, stack, &results[1]);
  promise(first == second && results[0] == results[1], "an expression has one value");
}

}  // namespace
}  // namespace coroscope::fuzz

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coroscope::fuzz;
  const std::string name(reinterpret_cast<const char*>(data), size);
  check_name(name.substr(0, name.find('\0')));
  check_expression(data, size);
  return 0;
}
