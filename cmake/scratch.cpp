// SPDX-License-Identifier: GPL-2.0-or-later
#include "scratch.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace mlipsse {

namespace {

namespace fs = std::filesystem;

constexpr const char *PREFIX = "mlipsse-pt2-";
constexpr const char *LOCK = "lock";

void remove_abandoned(const std::string &place)
{
  std::error_code ignored;
  for (fs::directory_iterator entry(place, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    const auto &path = entry->path();
    if (path.filename().string().rfind(PREFIX, 0) != 0) continue;
    const int lock = open((path / LOCK).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0) continue;    // another user's, or just being made
    if (flock(lock, LOCK_EX | LOCK_NB) == 0) fs::remove_all(path, ignored);
    close(lock);
  }
}

}    // namespace

std::vector<std::string> scratch_places()
{
  std::vector<std::string> places;
  const char *own = std::getenv("TMPDIR");
  if (own && *own) places.push_back(own);
  for (const char *place : {"/tmp", "/dev/shm"})
    if (places.empty() || places.front() != place) places.push_back(place);
  std::error_code failed;
  const auto here = fs::current_path(failed);
  if (!failed) places.push_back(here.string());
  return places;
}

Scratch::Scratch(const std::string &place)
{
  remove_abandoned(place);
  folder = place + "/" + PREFIX + "XXXXXX";
  if (!mkdtemp(folder.data())) throw std::runtime_error(std::strerror(errno));
  // Under another name until it is held: a process that starts at the same time may not take it. Where
  // locks do not work, no process can take it, and after a kill the folder stays.
  const auto name = folder + "/" + LOCK, unheld = name + ".new";
  lock = open(unheld.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0) rename(unheld.c_str(), name.c_str());
}

Scratch::~Scratch()
{
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  if (lock >= 0) close(lock);
}

}    // namespace mlipsse
