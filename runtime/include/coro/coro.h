// SPDX-License-Identifier: Apache-2.0
// All of the runtime's public interface.
#pragma once

#include "coro/async_fiber.h"  // IWYU pragma: export
#include "coro/blocking.h"     // IWYU pragma: export
#include "coro/channel.h"      // IWYU pragma: export
#include "coro/condition.h"    // IWYU pragma: export
#include "coro/context.h"      // IWYU pragma: export
#include "coro/debug.h"        // IWYU pragma: export
#include "coro/error.h"        // IWYU pragma: export
#include "coro/go.h"           // IWYU pragma: export
#include "coro/group.h"        // IWYU pragma: export
#include "coro/join.h"         // IWYU pragma: export
#include "coro/labels.h"       // IWYU pragma: export
#include "coro/mutex.h"        // IWYU pragma: export
#include "coro/net.h"          // IWYU pragma: export
#include "coro/once.h"         // IWYU pragma: export
#include "coro/reason.h"       // IWYU pragma: export
#include "coro/rw_mutex.h"     // IWYU pragma: export
#include "coro/scheduler.h"    // IWYU pragma: export
#include "coro/select.h"       // IWYU pragma: export
#include "coro/semaphore.h"    // IWYU pragma: export
#include "coro/start.h"        // IWYU pragma: export
#include "coro/task.h"         // IWYU pragma: export
#include "coro/time.h"         // IWYU pragma: export
#include "coro/timer.h"        // IWYU pragma: export
#include "coro/unhandled.h"    // IWYU pragma: export
#include "coro/wait_group.h"   // IWYU pragma: export
