"""The demo's fine-tuning beside a model from scratch, and the foundation model alone.

    python benchmarks/finetuning.py demo                 # a campaign that has its labels
    python benchmarks/finetuning.py demo --sizes 25,50

Takes a campaign's labels as they are and trains on all of its training frames (or nested subsets
of them) with its settings, multi-head with replay and from scratch; from scratch with the
foundation's architecture, and as many epochs. Works in a copy beside the campaign.
"""

import argparse
import shutil
from pathlib import Path

import yaml
from relaxations import versions

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.campaign.studies.learning_curve import learn_by_size
from mlipsse.dataset.frames.extxyz import read_frames

COLUMNS = {
    "valid_force_rmse_meV_A": "force, valid (meV/Å)",
    "test_force_rmse_meV_A": "force, test (meV/Å)",
    "valid_energy_rmse_meV_atom": "energy, valid (meV/atom)",
    "valid_energy_offset_meV_atom": "offset, valid (meV/atom)",
    "valid_stress_rmse_meV_A3": "stress, valid (meV/Å³)",
}


def main() -> None:
    """Train and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("campaign", type=Path)
    parser.add_argument("--sizes", help="training frames, e.g. 25,50; all if not given")
    arguments = parser.parse_args()
    campaign = copy_of(arguments.campaign)
    frames = read_frames(campaign.labelled_sets["train"], labelled=True)
    sizes = [int(size) for size in arguments.sizes.split(",")] if arguments.sizes else [len(frames)]
    rows = learn_by_size(campaign, sizes)
    print(versions(), f"{len(frames)} training frames in all.\n")
    print("| strategy | frames | epochs |", " | ".join(COLUMNS.values()), "| forgetting | failed |")
    print("|---|" + "---:|" * (len(COLUMNS) + 3) + "---|")
    for row in rows:
        errors = " | ".join(f"{row[column]:.1f}" for column in COLUMNS)
        forgetting = f"{row['forgetting']:.0%}" if row["forgetting"] != "" else ""
        words = f"| {row['strategy']} | {row['frames']} | {row['epochs']} | {errors} |"
        print(words, forgetting, "|", row["failed"], "|")


def copy_of(folder: Path) -> Campaign:
    """The campaign's config and labels in a folder of their own, from scratch made comparable."""
    copy = folder.with_name(f"{folder.name}-finetuning")
    copy.mkdir(exist_ok=True)
    shutil.copytree(folder / paths.Label.folder, copy / paths.Label.folder, dirs_exist_ok=True)
    config = yaml.safe_load((folder / "campaign.yaml").read_text(encoding="utf-8"))
    config["finetune"]["architecture"] = "foundation"
    (copy / "campaign.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    for host in folder.glob("*.cif"):
        shutil.copyfile(host, copy / host.name)
    return read_campaign(copy)


if __name__ == "__main__":
    main()
