"""A campaign small enough for a test, run by the command line as a user would."""

import os
import subprocess
import sys
from pathlib import Path

from mlipsse.resources import resource_dir

TINY = """
name: tiny
seed: 3
structure:
  host: Li3InCl6.cif
  mobile: Li
  substitutions: {In: [In, Y], Cl: [Cl, Br]}
  charges: {Li: 1, In: 3, Y: 3, Cl: -1, Br: -1}
enumerate:
  compositions: [Li3InCl6, Li3In0.5Y0.5Br3Cl3]
  end_members: [Li3InCl6, Li3YBr6]
  max_orderings: 3
rank: {max_force_eV_A: 0.7, max_steps: 60, batch: 2, search: {rounds: 1, proposals: 2}}
select: {structures: 2}
sample:
  temperatures_K: [500]
  duration_ps: 0.1
  equilibration_ps: 0.04
  timestep_fs: 2
  frames: 4
  min_atoms: 20
  contact_frames: 1
label: {source: "teacher: mace-liybc-scan-small", head: Default, batch: 6}
finetune:
  foundation: mace-sse-small
  replay: replay.extxyz
  max_epochs: 2
  batch_size: 2
  forces_weight: 10
  stress_weight: 100
  max_forgetting: 10  # two epochs, four replay frames
  max_energy_offset_meV_atom: 200
export:
  name: tiny
  acceptance: {duration_ps: 0.06, constant_energy_ps: 0.03, min_atoms: 20, require: false}
simulate:
  temperatures_K: [700, 900]
  min_atoms: 20
  min_length_A: 0
  equilibration_ps: 0.06
  production_ps: 0.3
  dump_every_fs: 10
  restart_every_ps: 0.1
execution: {workers: 2}
"""

FRAMES = 31
"""Of every run of it."""


def make_tiny_campaign(folder: Path) -> Path:
    """A campaign folder that goes through all ten stages in about a minute."""
    from ase.io import read, write

    folder.mkdir(parents=True)
    (folder / "campaign.yaml").write_text(TINY)
    host = resource_dir("examples") / "li3incl6" / "Li3InCl6.cif"
    (folder / "Li3InCl6.cif").write_bytes(host.read_bytes())
    replay = read(resource_dir("potentials") / "mace-sse-small" / "replay.extxyz", ":40:4")
    write(folder / "replay.extxyz", replay)
    return folder


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", "from mlipsse.cli import main; main()", *map(str, arguments)]


def mlipsse_apart(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, which takes ten seconds to import all."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )
