// SPDX-License-Identifier: GPL-2.0-or-later
// Folders for the files that torch unpacks from a compiled package before it can load them.
#pragma once

#include <string>
#include <vector>

namespace mlipsse {

// Where they may be, best first: $TMPDIR, /tmp, /dev/shm and the folder of the run. A node's own disk
// or memory comes before a shared file system, which every rank would have to write to.
std::vector<std::string> scratch_places();

// A new folder in one of them, removed at the end. Making one also removes those there that a
// process left which was killed: a lock in each shows it, for the system drops it with the process.
class Scratch {
 public:
  explicit Scratch(const std::string &place);    // std::runtime_error with the system's reason
  ~Scratch();
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  const std::string &path() const { return folder; }

 private:
  std::string folder;
  int lock = -1;
};

}    // namespace mlipsse
