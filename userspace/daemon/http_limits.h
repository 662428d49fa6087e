// SPDX-License-Identifier: Apache-2.0
// How long a client may take for what it has to do.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace coroscope::daemon {

// Each from its first byte to its last. One that says or takes nothing at all ends sooner.
struct HttpLimits {
  std::chrono::milliseconds handshake{3'000};  // of TLS
  std::chrono::milliseconds request{10'000};
  std::chrono::milliseconds response{60'000};  // to take it
};

// Who sends, or takes, a byte now and then would hold a thread for ever: ConnectionLimits ends
// connections that take too long, by shutting them down. A connection is named by its descriptor,
// and served by one thread from its begin to its end.
class ConnectionLimits {
 public:
  explicit ConnectionLimits(const HttpLimits& limits);
  ~ConnectionLimits();
  ConnectionLimits(const ConnectionLimits&) = delete;
  ConnectionLimits& operator=(const ConnectionLimits&) = delete;

  // What the client does now. It never goes back to what it did before, whatever it says.
  void shakes_hands(int fd) { enter(fd, Stage::handshake); }
  void asks(int fd) { enter(fd, Stage::request); }
  // Of the connection that the calling thread serves. Until there is an answer, it is our time.
  void waits() { enter(served_, Stage::answer); }
  void takes() { enter(served_, Stage::response); }
  // Whether its client has hung up. Who only says no more has, too: as in other servers.
  static bool has_left();
  // Of that connection, too, before its descriptor is closed: it may be another one's then.
  void over();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Stage { handshake, request, answer, response };
  struct Connection {
    Stage stage;
    Clock::time_point until;
  };

  void enter(int fd, Stage stage);
  Clock::time_point end_of(Stage stage) const;
  void work();

  static thread_local int served_;

  const HttpLimits limits_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int, Connection> connections_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace coroscope::daemon
