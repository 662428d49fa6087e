// SPDX-License-Identifier: Apache-2.0
// The links by which programs are attached to a target.
#pragma once

#include <memory>
#include <utility>
#include <vector>

struct bpf_link;

namespace coroscope {

// Links takes probes out such that nothing is left, whoever is killed meanwhile.
//
// When the last descriptor of a link is closed, the kernel looks through the address spaces that
// map the file, which ends early for a thread that is being killed. Then it logs "failed to
// unregister, leaking uprobe", and keeps the uprobe and its reference to the file's inode for
// good: the file system can not be unmounted cleanly any more. (The breakpoints were out by then,
// wherever we looked: but nothing says that they have to be.) Not so where descriptors are closed
// because a process exits: it is not killed again. So that is how they are closed: by a child that
// has them, too, and does nothing but end.
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
