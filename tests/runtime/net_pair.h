// SPDX-License-Identifier: Apache-2.0
// What the tests of coro::net have in common. All but open_files() is to be called
// in a coroutine.
#pragma once

#include <filesystem>
#include <iterator>
#include <string>

#include "coro/coro.h"

// Both ends of one connection.
struct NetPair {
  coro::net::Connection client;
  coro::net::Connection server;
};

inline NetPair connect_pair() {
  using coro::net::Listener;
  Listener listener = Listener::listen("127.0.0.1", 0);
  NetPair pair;
  pair.client = coro::net::Connection::connect(listener.local_address());
  pair.server = listener.accept();
  return pair;
}

// Reads `size` bytes, or what there is until the end of the stream.
inline std::string read_exactly(coro::net::Connection& connection, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const std::size_t count = connection.read(text.data() + done, size - done);
    if (count == 0) return text.substr(0, done);
    done += count;
  }
  return text;
}

// Lets the others come to where they wait.
inline void yield_often() {
  for (int i = 0; i < 20; ++i) coro::yield();
}

// How many file descriptors this process has open.
inline auto open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return std::distance(begin(files), end(files));
}
