// SPDX-License-Identifier: Apache-2.0
// The links by which programs are attached to a target.
#pragma once

#include <memory>
#include <utility>
#include <vector>

struct bpf_link;

namespace coroscope {

// Links takes probes out of a target such that none stays in it, whoever is killed meanwhile.
//
// The kernel takes a breakpoint out when the last descriptor of its link is closed. It may not
// write to the target for a thread that is being killed (get_user_pages ends with EINTR), which it
// logs as "failed to unregister, leaking uprobe": a SIGKILL that meets a close(2) leaves the
// breakpoint in the target. Not so where descriptors are closed because a process exits: it is not
// killed again. So that is how they are closed: by a child that has them, too, and does nothing
// but end.
class Links {
 public:
  Links() = default;
  ~Links() { remove(); }
  Links(Links&& other) noexcept : links_(std::exchange(other.links_, {})) {}
  Links& operator=(Links&& other) noexcept {
    if (this != &other) {
      remove();
      links_ = std::exchange(other.links_, {});
    }
    return *this;
  }

  void add(bpf_link* link) { links_.emplace_back(link); }
  // Returns when the kernel has taken them all out.
  void remove();

 private:
  struct Destroy {
    void operator()(bpf_link* link) const;
  };
  std::vector<std::unique_ptr<bpf_link, Destroy>> links_;
};

}  // namespace coroscope
