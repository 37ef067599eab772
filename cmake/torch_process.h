// SPDX-License-Identifier: GPL-2.0-or-later
// What torch does to the process it lives in, and how its exceptions become one line for a person.
#pragma once

#include <new>
#include <stdexcept>
#include <string>

#include <c10/util/Exception.h>

namespace mlipsse {

// Set memory, threads and TorchScript's executor so that steps of equal size cost the same.
void prepare_process();

// The one line of a torch message that says what went wrong.
std::string one_line(const std::string &message);

// Run `work`; whatever it throws leaves as a std::runtime_error of one line.
template <typename Work> auto guarded(const std::string &what, Work &&work)
{
  try {
    return work();
  } catch (const c10::Error &e) {
    throw std::runtime_error(what + ": " + one_line(e.what_without_backtrace()));
  } catch (const std::bad_alloc &) {
    throw std::runtime_error(what + ": out of memory");
  } catch (const std::exception &e) {
    throw std::runtime_error(what + ": " + one_line(e.what()));
  } catch (...) {
    throw std::runtime_error(what + ": unknown reason");
  }
}

}    // namespace mlipsse
