"""DFT labels of the frames in `frames.extxyz`, by CP2K.

    python label.py WORK_FOLDER [THREADS]

`scan.extxyz` gets every frame; `pbe.extxyz` the first of some compositions; the files of `CHECKS`
one frame of each family, by which the settings are judged. A frame that a file holds is kept, and
CP2K's outputs stay in WORK_FOLDER, so that the script can be stopped at any time and started again.
`--status` prints how far the files are.
"""

import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from ase import Atoms

from mlipsse import keys
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.labels.cp2k import Cp2k, Cp2kSettings
from mlipsse.dataset.labels.cp2k_program import default_command
from mlipsse.dataset.labels.program import ProgramSource, RunSettings
from mlipsse.dataset.labels.sources import RejectedFrame

HERE = Path(__file__).resolve().parent
SCAN = Cp2kSettings(cutoff_Ry=600, min_length_A=10)
SETTINGS = {
    "scan": SCAN,
    "pbe": SCAN.replaced(functional="PBE"),
    "scan-900Ry": SCAN.replaced(cutoff_Ry=900),
    "scan-15A": SCAN.replaced(min_length_A=15),
}
CHECKS = ("scan-900Ry", "scan-15A")
CHECKED = ("Li3InCl6_T0600", "NaZr2P3O12_T0700", "Li3PS4_T0600")
"""Frames with which cutoff and k-points are checked, one of each family."""
WITH_PBE = (
    *CHECKED,
    "Li3YBr6_T1200",
    "Li3In0.5Y0.5Br3Cl3_T0900",
    "Li3.5P0.5Ge0.5S2O2_T0900",
)


def tasks(frames: list[Atoms]) -> Iterator[tuple[str, Atoms]]:
    """(settings, frame) in the order in which they are computed."""
    for frame in frames:
        name = frame.info[keys.TRAJECTORY]
        yield "scan", frame
        if name in WITH_PBE:
            yield "pbe", frame
        if name in CHECKED:
            for check in CHECKS:
                yield check, frame


def labelled(settings: str) -> list[Atoms]:
    """The frames that have labels with these settings."""
    path = HERE / f"{settings}.extxyz"
    return read_frames(path, labelled=True) if path.is_file() else []


def label(settings: str, frame: Atoms, work: Path, threads: int) -> None:
    """Label one frame and write it to its file, with the CPU time that CP2K took here."""
    source = ProgramSource(
        Cp2k(SETTINGS[settings]),
        RunSettings(command=f"OMP_NUM_THREADS={threads} {default_command()}"),
    )
    folder = work / f"{settings}-{frame.info[keys.TRAJECTORY]}"
    folder.mkdir(parents=True, exist_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        answer = source.label(frame, folder)
    except RejectedFrame as rejected:
        print(f"{folder.name}: {rejected}", flush=True)
        return
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent_min = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 60
    if spent_min > 0.1:  # else the output lay there from a run before
        answer.info["cpu_min"] = round(spent_min, 1)
    # Read again: another process may have finished a frame meanwhile.
    write_frames(HERE / f"{settings}.extxyz", [*labelled(settings), answer])
    print(f"{folder.name}: {spent_min:.1f} min of CPU", flush=True)


def main(work: Path, threads: int) -> None:
    """Label what has no label."""
    frames = read_frames(HERE / "frames.extxyz", labelled=False)
    for settings, frame in tasks(frames):
        done = {one.info[keys.TRAJECTORY] for one in labelled(settings)}
        if frame.info[keys.TRAJECTORY] not in done:
            label(settings, frame, work, threads)


def status() -> None:
    """Print the number of labels that are there, of those that shall be."""
    planned = [
        settings for settings, _ in tasks(read_frames(HERE / "frames.extxyz", labelled=False))
    ]
    for settings in SETTINGS:
        print(f"{settings}: {len(labelled(settings))} of {planned.count(settings)}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--status"]:
        status()
    elif len(sys.argv) == 1:
        sys.exit("Name a folder for the outputs of CP2K: python label.py WORK_FOLDER [THREADS]")
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
