// SPDX-License-Identifier: GPL-2.0-or-later
// Files compiled by AOTInductor, for one kind of machine, torch and device. What they were made for
// is read from the file before any of its code is loaded: a wrong processor would end LAMMPS with
// «illegal instruction».
#include "backend.h"
#include "scratch.h"
#include "torch_process.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <unordered_map>

#include <sys/utsname.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/version.h>

// What this torch was built for, e.g. "CUDA 13.0"; empty for CPUs alone (common.cmake).
#ifndef MLIPSSE_GPU_TOOLKIT
#define MLIPSSE_GPU_TOOLKIT ""
#endif

namespace mlipsse {

namespace {

using Metadata = std::unordered_map<std::string, std::string>;
using torch::inductor::AOTIModelPackageLoader;

// Sizes below two were fixed while the file was compiled: smaller systems are filled up.
constexpr int64_t SMALLEST = 2;

std::vector<std::string> words(const std::string &text)
{
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

std::set<std::string> processor_flags()
{
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("flags", 0) == 0 || line.rfind("Features", 0) == 0) {
      const auto found = words(line.substr(line.find(':') + 1));
      return {found.begin(), found.end()};
    }
  return {};
}

std::string without_suffix(const std::string &version) { return version.substr(0, version.find('+')); }

// The command that makes the right file, and what serves until then.
std::string remedy(const std::string &path, const Metadata &facts, bool gpu)
{
  const auto fact = [&](const char *key, const char *otherwise) {
    const auto found = facts.find(key);
    return found == facts.end() ? std::string(otherwise) : found->second;
  };
  const auto slash = path.find_last_of('/');
  const auto folder = slash == std::string::npos ? std::string(".") : path.substr(0, slash);
  const auto name = path.substr(0, path.size() - std::string(".pt2").size());
  const auto serial = fact("threads", "any") == "1" && !gpu ? " --serial" : "";
  return "Make one here: mlipsse potential export " + name + ".model --head " +
      fact("head", "HEAD") + " --dtype " + fact("dtype", "float32|float64") + " --out " + folder +
      " --format aotinductor --device " + (gpu ? "cuda" : "cpu") + serial + ". Or let LAMMPS take " + name + ".pt instead: pair_style mace fallback";
}

// What went wrong and, unless something else is to be done, the command that makes the right file.
std::string with_remedy(const std::string &message, const std::string &command)
{
  const auto text = explained(message, command);
  const bool make_again = text.find("export the model again") != std::string::npos;
  return make_again ? sentences(text, command) : text;
}

std::string major_version(const std::string &toolkit) { return toolkit.substr(0, toolkit.find('.')); }

void require_made_for_here(const std::string &path, const Metadata &facts, int gpu)
{
  std::string reason;
  utsname machine{};
  uname(&machine);
  const std::string here_torch = without_suffix(TORCH_VERSION), here_toolkit = MLIPSSE_GPU_TOOLKIT;
  const std::string here_device = gpu < 0 ? "cpu" : "cuda";
  const auto optional = [&](const char *key) {    // files of older versions lack it
    const auto found = facts.find(key);
    return found == facts.end() ? std::string() : found->second;
  };
  const auto toolkit = optional("toolkit"), kind = optional("gpu");
  const auto here_kind = gpu < 0 ? std::string() : gpu_name(gpu);
  if (facts.at("torch") != here_torch)
    reason = "torch " + facts.at("torch") + ", and this is torch " + here_torch;
  else if (facts.at("device") != here_device)
    reason = "the device " + facts.at("device") + ", and this run is on " + here_device;
  else if (facts.at("machine") != machine.machine)
    reason = "a processor of kind " + facts.at("machine") + ", and this one is " + machine.machine;
  else if (gpu >= 0 && !toolkit.empty() && !here_toolkit.empty() &&
           major_version(toolkit) != major_version(here_toolkit))
    reason = toolkit + ", and this torch was built for " + here_toolkit;
  else if (gpu >= 0 && !is_same_kind(kind, here_kind))
    reason = "the GPU " + kind + ", and this one is " + here_kind;
  else {
    const auto here = processor_flags();
    for (const auto &flag : words(facts.at("cpu_flags")))
      if (!here.count(flag)) reason += (reason.empty() ? "" : " ") + flag;
    if (!reason.empty()) reason = "a processor with " + reason + ", which this one lacks";
  }
  if (!reason.empty())
    throw Explained("it was compiled for " + reason + ". " + remedy(path, facts, gpu >= 0));
}

// While it lives, libraries put temporary files into this folder.
class TemporaryFiles {
 public:
  explicit TemporaryFiles(const std::string &folder)
  {
    const char *was = std::getenv("TMPDIR");
    if (was) before = was;
    had = was;
    setenv("TMPDIR", folder.c_str(), 1);
  }
  ~TemporaryFiles() { had ? setenv("TMPDIR", before.c_str(), 1) : unsetenv("TMPDIR"); }
  TemporaryFiles(const TemporaryFiles &) = delete;
  TemporaryFiles &operator=(const TemporaryFiles &) = delete;

 private:
  std::string before;
  bool had = false;
};

class AOTInductorBackend : public Backend {
 public:
  AOTInductorBackend(const std::string &path, int gpu, Facts &read)
  {
    facts.device = gpu < 0 ? torch::Device(torch::kCPU) : torch::Device(torch::kCUDA, gpu);
    Metadata found;
    unpack(path, found, gpu, [&] {
      found = AOTIModelPackageLoader::load_metadata_from_package(path, "model");
      take(found);
      read = facts;
      require_made_for_here(path, found, gpu);
      package = std::make_unique<AOTIModelPackageLoader>(path, "model", false, 1, gpu);
    });
    const auto threads = found.find("threads");
    if (threads != found.end() && threads->second == "1") {
      facts.format = "AOTInductor for one thread";
      if (at::get_num_threads() > 1)
        facts.remark = sentences(facts.remark, path +
            " was compiled for one thread and uses no more of the " +
            std::to_string(at::get_num_threads()) +
            " that OMP_NUM_THREADS allows. Export it again without --serial to use them");
    }
    try_out(path, found, gpu);
  }

  BackendOutput evaluate(const BackendInput &input, bool) override
  {
    const auto n = input.types.size(0), m = input.edges.size(1);
    auto types = input.types, weights = input.weights, edges = input.edges;
    auto vectors = input.vectors.to(facts.dtype);
    if (n < SMALLEST) {
      types = torch::cat({types, types.new_zeros({SMALLEST - n})});
      weights = torch::cat({weights, weights.new_zeros({SMALLEST - n})});
    }
    if (m < SMALLEST) {    // at the cutoff, where the model has faded to nothing
      auto far = vectors.new_zeros({SMALLEST - m, 3});
      far.select(1, 0).fill_(facts.cutoff);
      vectors = torch::cat({vectors, far});
      edges = torch::cat({edges, edges.new_full({2, SMALLEST - m}, SMALLEST - 1)}, 1);
    }
    auto answer = package->run({types, edges.contiguous(), vectors, weights});
    BackendOutput output;
    output.energies = answer.at(0).slice(0, 0, n);
    output.gradient = answer.at(1).slice(0, 0, m);
    return output;
  }

 private:
  std::unique_ptr<Scratch> unpacked;    // before the package: removed after it
  std::unique_ptr<AOTIModelPackageLoader> package;

  void take(const Metadata &found)
  {
    for (const char *key : {"mlipsse_format", "elements", "r_max_A", "layers", "dtype", "head",
                            "device", "torch", "machine", "cpu_flags"})
      if (!found.count(key))
        throw Explained(std::string("it does not state its ") + key +
                        ", so it was not made by mlipsse potential export");
    if (found.at("mlipsse_format") != "1")
      throw Explained("its format is " + found.at("mlipsse_format") +
                      ", and this pair style reads format 1. Export the model again, or install the "
                      "mlipsse that made it");
    facts.elements = words(found.at("elements"));
    facts.cutoff = std::stod(found.at("r_max_A"));
    facts.layers = std::stoi(found.at("layers"));
    facts.dtype = found.at("dtype") == "float64" ? torch::kFloat64 : torch::kFloat32;
    facts.head = found.at("head");
    facts.format = "AOTInductor";
  }

  // Run `work` with a folder of its own for what torch unpacks. Where one place does not do, being
  // full, not writable or mounted noexec, the next one is taken.
  template <typename Work>
  void unpack(const std::string &path, const Metadata &found, int gpu, Work &&work)
  {
    std::string troubles, first, place;
    bool alike = true;
    for (const auto &parent : scratch_places()) {
      try {
        unpacked = std::make_unique<Scratch>(parent);
        const TemporaryFiles here(unpacked->path());
        work();
        place = parent;
        break;
      } catch (const Explained &) {
        throw;
      } catch (const std::exception &error) {
        // torch unpacks into a folder of a random name.
        static const std::regex folder(R"(\S*/aotinductor_\w{6}/)");
        const auto reason = std::regex_replace(words_of(error), folder, "");
        unpacked.reset();
        if (first.empty()) first = reason;
        alike = alike && reason == first;
        troubles += (troubles.empty() ? "" : "; ") + parent + ": " + meaningful_line(reason);
      }
    }
    if (place.empty() && first.find("zip archive") != std::string::npos)
      throw Explained("it is not a whole AOTInductor package: " +
                      explained(first, remedy(path, found, gpu >= 0)));
    if (place.empty() && alike) throw Explained(with_remedy(first, remedy(path, found, gpu >= 0)));
    if (place.empty())
      throw Explained("there is no folder to unpack it in (" + troubles +
                      "). Set TMPDIR to one that is writable, has " + megabytes(path) +
                      " MB free and allows programs (is not mounted noexec)");
    if (!troubles.empty())
      facts.remark = path + " cannot be unpacked in " + troubles + ". It was unpacked in " + place +
          " instead: set TMPDIR to a folder that is writable, has room and allows programs";
    // What was loaded stays in memory; a GPU's kernels are read when they are first run.
    if (gpu < 0) unpacked.reset();
  }

  static std::string megabytes(const std::string &path)
  {
    std::error_code ignored;
    return std::to_string(2 * std::filesystem::file_size(path, ignored) / 1000000 + 1);
  }

  // One call before the first step: a GPU's code is looked at only then.
  void try_out(const std::string &path, const Metadata &found, int gpu)
  {
    BackendInput input;
    const auto whole = torch::TensorOptions().dtype(torch::kInt64).device(facts.device);
    input.types = torch::zeros({SMALLEST}, whole);
    input.weights = torch::ones({SMALLEST}, whole.dtype(facts.dtype));
    input.edges = torch::stack({torch::arange(SMALLEST, whole), 1 - torch::arange(SMALLEST, whole)});
    input.vectors = torch::full({SMALLEST, 3}, 0.5 * facts.cutoff, whole.dtype(torch::kFloat64));
    try {
      const auto energies = evaluate(input, false).energies.to(torch::kCPU);
      TORCH_CHECK(energies.numel() == SMALLEST, "energies of ", energies.numel(),
                  " atoms came back for ", SMALLEST);
    } catch (const std::exception &error) {
      throw Explained("it cannot be run here: " +
                      with_remedy(words_of(error), remedy(path, found, gpu >= 0)));
    }
  }
};

}    // namespace

std::unique_ptr<Backend> load_aotinductor(const std::string &path, int gpu, Facts &read)
{
  return std::make_unique<AOTInductorBackend>(path, gpu, read);
}

}    // namespace mlipsse
