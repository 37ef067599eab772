// SPDX-License-Identifier: GPL-2.0-or-later
// What torch does to the process it lives in, and how its exceptions become one line for a person.
#pragma once

#include "gpu_driver.h"
#include "reason.h"

#include <new>
#include <stdexcept>
#include <string>

#include <c10/util/Exception.h>

namespace mlipsse {

// Its text is for a person already.
class Explained : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The message of a torch exception, without the stack of C++ functions.
std::string words_of(const std::exception &error);

// Set memory and TorchScript's executor so that steps of equal size cost the same, and the number of
// threads, but not that of a Python which LAMMPS is a guest of: see HostThreads.
void prepare_process();

// The GPUs that torch can use here, or why there are none.
Accelerator find_accelerator();

// While it lives, torch takes the threads that OMP_NUM_THREADS allows, or one, as LAMMPS does. Where
// LAMMPS runs inside of a Python, torch's number of threads is the user's, and is given back.
class HostThreads {
 public:
  HostThreads();
  ~HostThreads();
  HostThreads(const HostThreads &) = delete;
  HostThreads &operator=(const HostThreads &) = delete;

 private:
  int before = 0;
};

// Run `work`; whatever it throws leaves as a std::runtime_error of one line, with what to do.
template <typename Work> auto guarded(const std::string &what, Work &&work)
{
  try {
    return work();
  } catch (const Explained &e) {
    throw std::runtime_error(what + ": " + e.what());
  } catch (const c10::Error &e) {
    throw std::runtime_error(what + ": " + explained(e.what_without_backtrace()));
  } catch (const std::bad_alloc &) {
    throw std::runtime_error(what + ": " + explained("out of memory"));
  } catch (const std::exception &e) {
    throw std::runtime_error(what + ": " + explained(e.what()));
  } catch (...) {
    throw std::runtime_error(what + ": something that is no C++ exception was thrown");
  }
}

}    // namespace mlipsse
