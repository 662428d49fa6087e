// SPDX-License-Identifier: Apache-2.0
// The links by which programs are attached to a target.
#pragma once

#include <memory>
#include <vector>

#include "util/fd.h"

struct bpf_link;

namespace coroscope {

// Links takes probes out such that nothing is left, whoever is killed meanwhile.
//
// When the last descriptor of a link is closed, the kernel looks through the address spaces that
// map the file, which ends early for a thread that is being killed. Then it logs "failed to
// unregister, leaking uprobe", and keeps the uprobe and its reference to the file's inode for
// good: the file system can not be unmounted cleanly any more. (The breakpoints were out by then,
// wherever we looked: but nothing says that they have to be.) Not so where descriptors are closed
// because a process exits: it is not killed again. So that is how they are closed: by children
// that have them, too, and do nothing but end.
//
// Several, since the kernel waits for a grace period of RCU at each link: side by side they take
// hardly longer than one.
class Links {
 public:
  Links() = default;
  ~Links() { remove(); }
  Links(Links&&) noexcept = default;
  Links& operator=(Links&& other) noexcept;

  void add(bpf_link* link) { of_libbpf_.emplace_back(link); }
  void add(Fd link) { links_.push_back(std::move(link)); }
  // Takes over those of another.
  void add(Links&& others);
  // Returns when the kernel has taken them all out.
  void remove();

 private:
  struct Destroy {
    void operator()(bpf_link* link) const;
  };
  std::vector<std::unique_ptr<bpf_link, Destroy>> of_libbpf_;
  std::vector<Fd> links_;
};

}  // namespace coroscope
