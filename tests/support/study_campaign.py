"""A campaign of rock salt whose models are Lennard-Jones forces, for studies of transport."""

from pathlib import Path

from ase.io import write

from mlipsse import keys
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from tests.support.here import Here
from tests.support.labels.tiny_sets import write_sets
from tests.support.trajectories.lennard_jones import LENNARD_JONES, rock_salt

CONFIG = """
name: curve
structure: {{host: host.cif, mobile: Li, charges: {{Li: 1, Cl: -1}}}}
enumerate: {{compositions: [LiCl]}}
finetune:
  foundation: {foundation}
  replay: {replay}
  architecture: foundation
  max_epochs: 2
  batch_size: 2
  max_energy_offset_meV_atom: 1.0e-9
  max_forgetting: 10
simulate:
  temperatures_K: [400, 500, 600]
  min_atoms: 64
  relax_cell: false
  equilibration_ps: 0.5
  production_ps: {production_ps}
  dump_every_fs: 50
  restart_every_ps: 1
execution: {{workers: 1}}
"""

EXPLOSIVE = (*LENNARD_JONES[:1], "pair_coeff * * 0.4 3.6", "pair_modify shift yes")


def make_campaign(folder: Path, *, production_ps: float) -> Campaign:
    """With labels and a selected ordering, as after the stage `label`."""
    sets = write_sets(folder)
    foundation = folder / "tiny.model"
    (folder / "campaign.yaml").write_text(
        CONFIG.format(foundation=foundation, replay=sets["replay"], production_ps=production_ps)
    )
    campaign = read_campaign(folder)
    for part, path in campaign.labelled_sets.items():
        frames = read_frames(sets[part], labelled=True)
        for frame in frames:
            frame.info[keys.LABEL_SOURCE] = "teacher: morse"
        write_frames(path, frames)
    write(folder / "host.cif", rock_salt()[:8])
    start = rock_salt()
    start.info = {
        keys.COMPOSITION: "LiCl",
        keys.ORDERING: "LiCl-o000",
        "relaxed_energy_eV": -1.0,
    }
    write_frames(campaign.path(paths.Select.selected), [start])
    return campaign


class Workers(Here):
    threads = 1
    all_threads = 1
