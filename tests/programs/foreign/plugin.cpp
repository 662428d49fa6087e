// SPDX-License-Identifier: Apache-2.0
// The library of `foreign`.
static volatile int after_call;

// Hidden, so that only debug information and a whole symbol table name it.
__attribute__((noinline, visibility("hidden"))) void plugin_inner(void (*function)()) {
  function();
  after_call = 1;
}

extern "C" void plugin_call(void (*function)()) {
  plugin_inner(function);
  after_call = 2;
}
