// SPDX-License-Identifier: GPL-2.0-or-later
// The three kinds of file that a MACE potential may be in, behind one face.
//
// In all of them an edge runs from a sender to a receiver, and its vector is the receiver's place
// minus the sender's, images included, in Angstrom.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <torch/torch.h>

namespace mlipsse {

struct Facts {
  std::vector<std::string> elements;    // in the model's order
  double cutoff = 0.0;                  // of one layer, Angstrom
  int layers = 0;
  torch::ScalarType dtype = torch::kFloat64;
  torch::Device device = torch::kCPU;
  std::string format;                   // for the log
  bool edge_form = true;                // gives the gradient of every edge
  std::string head;                     // empty where the file does not state it
  std::string remark;                   // what the user should hear, or nothing
};

struct BackendInput {
  torch::Tensor types;        // (n), int64
  torch::Tensor weights;      // (n), dtype; 1 where the atom's energy counts here, else 0
  torch::Tensor edges;        // (2, m), int64: senders, receivers
  torch::Tensor vectors;      // (m, 3), float64
  torch::Tensor positions;    // (n, 3), float64
};

struct BackendOutput {
  torch::Tensor energies;    // (n), float64
  torch::Tensor gradient;    // (m, 3), d(weighted energy)/d(vector); edge form only
  torch::Tensor forces;      // (n, 3); other form only
  torch::Tensor virial;      // (3, 3), -dE/dstrain; other form only, when wanted
};

class Backend {
 public:
  Facts facts;
  virtual ~Backend() = default;
  virtual BackendOutput evaluate(const BackendInput &input, bool want_virial) = 0;
};

// May throw; `gpu` is the index of this rank's GPU, negative for the CPU.
std::unique_ptr<Backend> load_torchscript(const std::string &path, int gpu);

// As load_torchscript. `read` gets the metadata of the file as soon as they are known: also of a
// file that was made for another machine.
std::unique_ptr<Backend> load_aotinductor(const std::string &path, int gpu, Facts &read);

}    // namespace mlipsse
