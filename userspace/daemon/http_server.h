// SPDX-License-Identifier: Apache-2.0
// HTTP for the daemon: who may ask, what it costs at most, and nothing of what is answered.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/http_limits.h"
#include "daemon/tls_files.h"
#include "util/result.h"

namespace coroscope::daemon {

struct Request {
  std::string path;
  std::map<std::string, std::string> parameters;  // of the query; the last of a name counts
  std::string accept = {};                        // the header
  bool browser = false;  // it would like a page: its Accept names text/html
  // Whether nobody waits for the answer any more. To be asked by the thread that answers; none:
  // that is not known.
  std::function<bool()> left = {};
};

struct Response {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};  // beside those of each answer
};

struct HttpOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 0;       // 0: any that is free
  std::string token = {};  // has to come as "Authorization: Bearer TOKEN"; empty: nothing has to
  // What is answered without the token, too, since it tells nothing; none: nothing is.
  std::function<bool(const Request&)> is_public = {};
  TlsFiles tls = {};  // without a certificate it is HTTP
  HttpLimits limits = {};
};

// Answers GET and HEAD, in threads of its own. Any other method is refused, as is a request
// whose Host names neither an address, localhost nor the host that we listen on (or a page of
// another site could ask through its reader's browser), or whose Origin is not that Host.
class HttpServer {
 public:
  // `answer` is called by several threads at once. Errors: environment; usage if others than
  // this host could ask, and nothing says who may.
  static Result<std::unique_ptr<HttpServer>> start(const HttpOptions& options,
                                                   std::function<Response(const Request&)> answer);
  // Does not wait for slow clients for longer than a second.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const;

  // Reads the files of TLS again, if there are any, for connections that come from now on. Error:
  // usage; all stays as it was.
  Result<void> read_certificates();

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Whether only this host can reach it: 127.0.0.0/8, ::1 or localhost.
bool is_loopback(const std::string& host);

// Whether a Host header may be answered, by one that listens on `own`.
bool is_allowed_host(const std::string& header, const std::string& own);

}  // namespace coroscope::daemon
