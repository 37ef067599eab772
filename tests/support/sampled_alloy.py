"""A campaign that has its frames: four of an alloy, each of a trajectory of its own."""

import json
from pathlib import Path

from ase.build import bulk

from mlipsse import keys
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.stages.label import stage as label
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from tests.support.here import Here

CONFIG = """
name: test
structure: {{host: host.cif, mobile: Cu}}
enumerate: {{compositions: [CuAu]}}
label: {label}
simulate: {{temperatures_K: [800]}}
"""
N_FRAMES = 4


def alloy_campaign(folder: Path, section: dict) -> Campaign:
    """The campaign with `section` as its `label`."""
    (folder / "campaign.yaml").write_text(CONFIG.format(label=json.dumps(section)))
    frames = []
    for index in range(N_FRAMES):
        atoms = bulk("Cu", cubic=True, a=3.9)
        atoms.symbols = "CuAuCuAu"
        atoms.rattle(0.1, seed=index)
        atoms.info.update(
            {keys.TRAJECTORY: f"t{index}", keys.COMPOSITION: "CuAu", keys.ORIGIN: "dynamics"}
        )
        frames.append(atoms)
    write_frames(folder / "04-sample" / "frames.extxyz", frames)
    return read_campaign(folder)


def labelled(campaign: Campaign, execution: Here) -> Work:
    """Stage `label`, performed."""
    work = Work(campaign, campaign.folder / "05-label", execution, lambda *_: None)
    label.perform(work)
    return work


def energies_eV(campaign: Campaign, *, label_source: str) -> dict[str, float]:
    """Trajectory -> energy of all labelled frames, which must all name their source."""
    frames = [
        frame
        for path in campaign.labelled_sets.values()
        for frame in read_frames(path, labelled=True)
    ]
    assert {frame.info[keys.LABEL_SOURCE] for frame in frames} == {label_source}
    return {frame.info[keys.TRAJECTORY]: frame.info[keys.ENERGY] for frame in frames}


def attempts(campaign: Campaign) -> list[str]:
    """Folders that the stand-in was started in, in order."""
    return (campaign.folder / "05-label" / "runs" / "attempts").read_text().split()
