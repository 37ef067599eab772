// SPDX-License-Identifier: GPL-2.0-or-later
// Files compiled by AOTInductor, for one kind of machine, torch and device. What they were made for
// is read from the file before any of its code is loaded: a wrong processor would end LAMMPS with
// «illegal instruction».
#include "backend.h"
#include "torch_process.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <unordered_map>

#include <sys/utsname.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/version.h>

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

std::string remedy(const std::string &path, const Metadata &facts, bool gpu)
{
  const auto slash = path.find_last_of('/');
  const auto folder = slash == std::string::npos ? std::string(".") : path.substr(0, slash);
  const auto name = path.substr(0, path.size() - std::string(".pt2").size());
  return "Make one here: mlipsse potential export " + name + ".model --head " + facts.at("head") +
      " --dtype " + facts.at("dtype") + " --format aotinductor --device " +
      (gpu ? "cuda" : "cpu") + " --out " + folder + ". Or let LAMMPS take " + name +
      ".pt instead: pair_style mace fallback";
}

void require_made_for_here(const std::string &path, const Metadata &facts, int gpu)
{
  std::string reason;
  utsname machine{};
  uname(&machine);
  const std::string here_torch = without_suffix(TORCH_VERSION);
  const std::string here_device = gpu < 0 ? "cpu" : "cuda";
  if (facts.at("torch") != here_torch)
    reason = "torch " + facts.at("torch") + ", and this is torch " + here_torch;
  else if (facts.at("device") != here_device)
    reason = "the device " + facts.at("device") + ", and this run is on " + here_device;
  else if (facts.at("machine") != machine.machine)
    reason = "a processor of kind " + facts.at("machine") + ", and this one is " + machine.machine;
  else {
    const auto here = processor_flags();
    for (const auto &flag : words(facts.at("cpu_flags")))
      if (!here.count(flag)) reason += (reason.empty() ? "" : " ") + flag;
    if (!reason.empty()) reason = "a processor with " + reason + ", which this one lacks";
  }
  if (!reason.empty())
    throw NotForHere("it was compiled for " + reason + ". " + remedy(path, facts, gpu >= 0));
}

class AOTInductorBackend : public Backend {
 public:
  AOTInductorBackend(const std::string &path, int gpu)
  {
    Metadata found;
    try {
      found = AOTIModelPackageLoader::load_metadata_from_package(path, "model");
    } catch (const std::exception &) {
      throw std::runtime_error("it is not a whole AOTInductor package. Make it again: mlipsse "
                               "potential export NAME.model --format aotinductor");
    }
    for (const char *key : {"mlipsse_format", "elements", "r_max_A", "layers", "dtype", "head",
                            "device", "torch", "machine", "cpu_flags"})
      if (!found.count(key))
        throw std::runtime_error(std::string("it does not say its ") + key +
                                 ", so it was not made by mlipsse potential export");
    if (found.at("mlipsse_format") != "1")
      throw std::runtime_error("its format is " + found.at("mlipsse_format") +
                               ", and this pair style reads format 1. Export the model again");
    require_made_for_here(path, found, gpu);

    facts.elements = words(found.at("elements"));
    facts.cutoff = std::stod(found.at("r_max_A"));
    facts.layers = std::stoi(found.at("layers"));
    facts.dtype = found.at("dtype") == "float64" ? torch::kFloat64 : torch::kFloat32;
    facts.device = gpu < 0 ? torch::Device(torch::kCPU) : torch::Device(torch::kCUDA, gpu);
    facts.format = "AOTInductor";
    const auto threads = found.find("threads");
    if (threads != found.end() && threads->second == "1") {
      facts.format = "AOTInductor for one thread";
      if (at::get_num_threads() > 1)
        facts.remark = path + " was compiled for one thread and uses no more of the " +
            std::to_string(at::get_num_threads()) +
            " that OMP_NUM_THREADS allows. Export it again without --serial to use them";
    }
    package = std::make_unique<AOTIModelPackageLoader>(path, "model", false, 1, gpu);
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
  std::unique_ptr<AOTIModelPackageLoader> package;
};

}    // namespace

std::unique_ptr<Backend> load_aotinductor(const std::string &path, int gpu)
{
  return std::make_unique<AOTInductorBackend>(path, gpu);
}

}    // namespace mlipsse
