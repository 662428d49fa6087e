// SPDX-License-Identifier: Apache-2.0
#pragma once

// The network for coroutines: calls that would block park the calling coroutine
// instead (reason "IO wait").
//
// Operations come in two forms: one throws std::system_error, the other stores
// the error, or none, in a std::error_code. Codes are errno values of the generic
// category:
//
//   ECANCELED (std::errc::operation_canceled)  the socket is closed, or was closed
//                                              while the operation was under way
//   ETIMEDOUT (std::errc::timed_out)           its deadline has come
//
// Any coroutine, on any scheduler, may use a socket, and several may use it at
// once: each read, accept or receive gets what no other one got; writes take turns,
// so that what one write() sends stays together. Handles can be moved, but not
// while they are used; close() and deadlines may come from any thread. Where an
// operation would have to wait it throws UsageError outside of a coroutine and in
// a task. An operation that never has to wait lets others run now and then.
//
// In a task: co_await connection.async_read(...) and so on (include coro/task.h).
// What they refer to, the socket's handle too, has to live until then.
#include "coro/net/address.h"
#include "coro/net/connection.h"
#include "coro/net/listener.h"
#include "coro/net/socket_handle.h"
#include "coro/net/udp.h"
