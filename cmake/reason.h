// SPDX-License-Identifier: GPL-2.0-or-later
// From what a library throws to one line for a person: what went wrong, and what to do about it.
#pragma once

#include <string>

namespace mlipsse {

// The line of a message of torch, the loader or the system that states what went wrong.
std::string meaningful_line(const std::string &message);

// That line and, where it is a known one, what to do; else that line and `otherwise`.
std::string explained(const std::string &message, const std::string &otherwise = "");

// `first` and `second` as two sentences; either may be empty.
std::string sentences(const std::string &first, const std::string &second);

}    // namespace mlipsse
