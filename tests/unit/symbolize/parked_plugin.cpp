// SPDX-License-Identifier: Apache-2.0
#include "park_here.h"

static volatile int after_call;

extern "C" void plugin_entry(void (*park)(Parked*));

void plugin_entry(void (*park)(Parked*)) {
  Parked parked;
  park(&parked);
  after_call = 1;
}
