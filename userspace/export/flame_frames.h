// SPDX-License-Identifier: Apache-2.0
// What the forms that count stacks show as the stack of a coroutine.
#pragma once

#include <vector>

#include "model/dump.h"

namespace coroscope {

// The frames of the program, innermost first. A stack that is not whole must not
// look as if it began where it was cut: it ends with "[cut]". Of who waits at a
// place that was not read there is "[stack not read]", of who does not wait nothing.
// They are the dump's, or live for ever.
std::vector<const ReportedFrame*> flame_frames(const Dump& dump, Activity activity,
                                               ParkedStack stack);

}  // namespace coroscope
