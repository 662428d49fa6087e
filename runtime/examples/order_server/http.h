// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "coro/net.h"

// The little of HTTP/1.1 that the example needs: requests without a body, one
// after the other on a connection that stays open.
struct Request {
  std::string method;
  std::string target;
  bool keep_alive = true;
};

// RequestReader cuts a connection's bytes into requests. A head may come in any
// number of pieces, and several heads in one.
class RequestReader {
 public:
  explicit RequestReader(coro::net::Connection& connection) : connection_(connection) {}

  enum class Result { request, end, bad };

  // Waits for the next request. `end`: the client is gone. `bad`: what it sent is
  // no request, has a body, or is longer than 8 KiB.
  Result next(Request& request);

 private:
  coro::net::Connection& connection_;
  std::string bytes_;
};

// Answers with a text. False: the client is gone.
bool respond(coro::net::Connection& connection, std::string_view status, std::string_view text,
             bool keep_alive);
