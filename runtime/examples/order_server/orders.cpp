// SPDX-License-Identifier: Apache-2.0
#include "orders.h"

#include <array>
#include <chrono>
#include <optional>

#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

struct Backend {
  const char* name;
  std::chrono::microseconds latency;
};

constexpr std::array backends{Backend{"near", 500us}, Backend{"far", 2ms}, Backend{"backup", 5ms}};

void query_backend(const Backend& backend, std::uint64_t order,
                   coro::Channel<std::string> answers) {
  coro::sleep_for(backend.latency);  // the network and the work over there
  answers.send("order " + std::to_string(order) + ": shipped, says " + backend.name + "\n");
}

}  // namespace

std::string query_all(std::uint64_t order, bool buffered) {
  coro::Channel<std::string> answers(buffered ? backends.size() : 0);
  for (const Backend& backend : backends) {
    coro::go([&backend, order, answers] { query_backend(backend, order, answers); });
  }
  return answers.receive().value();
}
