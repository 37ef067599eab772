// The parts of pair_style mace that need neither torch nor LAMMPS, one call per run of the program:
// WORD arguments ... -> lines on the screen; an exception ends it with status 2.
#include "elements.h"
#include "gpu_driver.h"
#include "reason.h"
#include "scratch.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <unistd.h>

using namespace mlipsse;

static int call(const std::string &word, const std::vector<std::string> &given)
{
  if (word == "explain") {    // a message from standard input
    const std::string message{std::istreambuf_iterator<char>(std::cin), {}};
    std::cout << explained(message, "OTHERWISE") << "\n";
  } else if (word == "choose") {    // wanted library count trouble rank
    const auto wanted = given[0] == "cpu" ? Device::cpu : given[0] == "gpu" ? Device::gpu : Device::any;
    const auto choice =
        choose_device(wanted, {given[1], std::stoi(given[2]), given[3]}, std::stoi(given[4]));
    std::cout << choice.gpu << "\n" << choice.remark << "\n";
  } else if (word == "rank") {
    std::cout << launched_rank(std::stoi(given[0])) << "\n";
  } else if (word == "gpu") {
    std::cout << gpu_name(std::stoi(given[0])) << "\n";
  } else if (word == "same") {
    std::cout << is_same_kind(given[0], given[1]) << "\n";
  } else if (word == "places") {
    for (const auto &place : scratch_places()) std::cout << place << "\n";
  } else if (word == "scratch") {    // in a place; stays until it is killed, or ends by itself
    Scratch scratch(given[0]);
    std::ofstream(scratch.path() + "/unpacked") << "x";
    std::cout << scratch.path() << std::endl;
    if (given.size() > 1) sleep(std::stoi(given[1]));
  } else if (word == "mass") {
    std::cout << element_mass(given[0]) << "\n";
  }
  return 0;
}

int main(int argc, char **argv)
{
  try {
    return call(argv[1], {argv + 2, argv + argc});
  } catch (const std::exception &error) {
    std::cout << error.what() << "\n";
    return 2;
  }
}
