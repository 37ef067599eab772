// SPDX-License-Identifier: GPL-2.0-or-later
#include "reason.h"

#include <algorithm>
#include <cctype>
#include <regex>
#include <sstream>
#include <vector>

namespace mlipsse {

namespace {

struct Known {
  std::vector<std::string> words;    // any of them, in lower case
  std::string advice;
};

// In this order: what comes first wins.
const std::vector<Known> &known()
{
  static const std::vector<Known> table = {
      {{"cuda out of memory", "hip out of memory", "cuda error: out of memory",
        "hip error: out of memory", "cublas_status_alloc_failed", "hiperroroutofmemory"},
       "The memory of this GPU is full: end other programs on it, let fewer ranks share it, or make "
       "the system smaller"},
      {{"bad_alloc", "can't allocate memory", "cannot allocate memory", "not enough memory",
        "out of memory"},
       "The memory of this node is full: ask for more of it, or spread the run over more nodes"},
      {{"all cuda-capable devices are busy", "device(s) is/are busy"},
       "This GPU takes one process at a time: start one rank per GPU, or CUDA MPS"},
      {{"no kernel image", "device kernel image is invalid", "no binary for gpu",
        "invalid device function", "ptx was compiled"},
       "This file or this torch was compiled for another kind of GPU: export the model again on "
       "this machine, or install a torch for this GPU"},
      {{"driver version is insufficient", "driver on your system is too old",
        "forward compatibility was attempted", "system has unsupported display driver"},
       "The GPU's driver is older than this torch needs: update it, install a torch for an older "
       "CUDA, or run on the CPU with 'pair_style mace device cpu'"},
      {{"no nvidia driver", "no cuda-capable device", "no cuda gpus are available",
        "no hip gpus are available", "libcuda.so", "cuda unknown error", "cuda driver initialization",
        "driver initialization failed", "without aten_cuda", "no rocm-capable device"},
       "This node has no GPU or no driver for one that this job may use (nvidia-smi lists them): run "
       "on a node with a GPU, ask the queue for one, or use 'pair_style mace device cpu'"},
      {{"maximum supported version for reading", "installation may be too old",
        "unsupported serialization version"},
       "The file was written by a newer torch: export the model again with the torch of this "
       "machine, or install the newer one and build the pair style again"},
      {{"unknown builtin op: cuequivariance", "cuequivariance_ops", "no such operator cuequivariance"},
       "The file computes with cuequivariance, which LAMMPS does not have: export the model with "
       "mlipsse potential export, which takes it out"},
      {{"unknown builtin op", "unknown type name", "could not find any similar ops",
        "no such operator", "undefined symbol"},
       "The file needs something that this torch does not have: export the model again with the "
       "torch of this machine"},
      {{"constants.pkl"},
       "It is a Python pickle, as .model and .mliap.pt files are. Give the .pt or .pt2 that mlipsse "
       "potential export makes of the .model file"},
  };
  return table;
}

std::string lower(std::string text)
{
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string trimmed(const std::string &line)
{
  const auto begin = line.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return "";
  return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

// A general remark that torch adds to every fault in an archive.
std::string without_chatter(const std::string &line)
{
  return line.substr(0, line.find(". This is an internal miniz error"));
}

std::vector<std::string> lines_of(const std::string &message)
{
  std::vector<std::string> lines;
  std::istringstream stream(message);
  for (std::string line; std::getline(stream, line);)
    if (!trimmed(line).empty()) lines.push_back(trimmed(line));
  return lines;
}

bool is_stack(const std::string &line)
{
  return line.rfind("frame #", 0) == 0 || line.rfind("Exception raised from", 0) == 0 ||
      line.rfind("C++ CapturedTraceback", 0) == 0;
}

}    // namespace

// The interpreter of TorchScript puts it last, after the name of a Python exception, all others put
// it first.
std::string meaningful_line(const std::string &message)
{
  const auto lines = lines_of(message);
  static const std::regex exception(
      R"(^(?:[A-Za-z_]\w*\.)*\w*(?:Error|Exception|Warning|Stop|Exit)(?::\s*(.*))?$)");
  if (message.find("Traceback") != std::string::npos)
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
      std::smatch found;
      if (std::regex_match(*line, found, exception))
        return found[1].length() && line->rfind("RuntimeError", 0) == 0 ? found[1].str() : *line;
    }
  if (message.find("Traceback") != std::string::npos && !lines.empty()) return lines.back();
  for (const auto &line : lines)
    if (!is_stack(line)) return without_chatter(line);
  return "no reason given";
}

std::string sentences(const std::string &first, const std::string &second)
{
  if (first.empty() || second.empty()) return first + second;
  const char end = first.back();
  return first + (end == '.' || end == '!' || end == '?' ? " " : ". ") + second;
}

std::string explained(const std::string &message, const std::string &otherwise)
{
  const auto line = meaningful_line(message);
  const auto all = lower(message);
  for (const auto &[words, advice] : known())
    for (const auto &word : words)
      if (all.find(word) != std::string::npos) return sentences(line, advice);
  return sentences(line, otherwise);
}

}    // namespace mlipsse
