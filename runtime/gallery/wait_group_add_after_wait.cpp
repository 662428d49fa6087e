// SPDX-License-Identifier: Apache-2.0
// WaitGroup: add after wait.
//
// Wrong:   each photo adds itself to the group once it is loaded. By then wait() was
//          called, found the counter at 0 and returned: the album is taken to be
//          complete, its collector ends, and the photos wait for ever to be collected.
// Fix:     add before starting what will be done.
// Verdict: leak, "chan send" in render_photo, no receiver; 3 a round. Fixed: none.
#include <memory>
#include <optional>
#include <string>

#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

constexpr int photos = 3;
using Thumbnails = coro::Channel<std::optional<std::string>>;  // nullopt: no more will come
using Group = std::shared_ptr<coro::WaitGroup>;

void render_photo(int photo, const Group& group, Thumbnails thumbnails) {
  coro::sleep_for(20ms);  // load it
  if (!gallery::fixed) group->add(1);
  thumbnails.send("thumbnail " + std::to_string(photo));
  group->done();
}

void collect(Thumbnails thumbnails) {
  while (thumbnails.receive().value()) {
    // put it into the album
  }
}

void render_album() {
  const Group group = std::make_shared<coro::WaitGroup>();
  Thumbnails thumbnails(0);
  for (int photo = 1; photo <= photos; ++photo) {
    if (gallery::fixed) group->add(1);
    coro::go([photo, group, thumbnails] { render_photo(photo, group, thumbnails); });
  }
  coro::go([thumbnails] { collect(thumbnails); });
  group->wait();
  thumbnails.send(std::nullopt);
}

void accept_request() {
  coro::go(render_album);
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request});
}
