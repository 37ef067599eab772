"""DFT labels of the frames in `frames.extxyz`, by CP2K.

    python label.py WORK_FOLDER [PROCESSES]

`scan.extxyz` gets every frame but those of `UNSETTLED`, small cells first; `pbe.extxyz` the first
of some compositions; the files of `CHECKS` one frame of each family, by which the settings are
judged. A frame that a file holds is kept, and CP2K's outputs stay in WORK_FOLDER, so that the
script can be stopped at any time and started again. `--status` prints how far the files are. CP2K
of Debian finds OpenBLAS where `libopenblas0-pthread` is installed.
"""

import multiprocessing
import resource
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from ase import Atoms

from mlipsse import keys
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.labels.cp2k import Cp2k, Cp2kSettings
from mlipsse.dataset.labels.cp2k_program import default_command
from mlipsse.dataset.labels.program import ProgramSource, RunSettings
from mlipsse.dataset.labels.sources import RejectedFrame

HERE = Path(__file__).resolve().parent
SPAWN = multiprocessing.get_context("spawn")
SCAN = Cp2kSettings(cutoff_Ry=600, min_length_A=10, eps_default=1e-10)
"""Forces differ by 2e-5 eV/Å from those with 1e-12, which take 1.4 times as long."""
SETTINGS = {
    "scan": SCAN,
    "pbe": SCAN.replaced(functional="PBE"),
    "scan-900Ry": SCAN.replaced(cutoff_Ry=900),
    "pbe-15A": SCAN.replaced(functional="PBE", min_length_A=15),
}
CHECKS = ("scan-900Ry", "pbe-15A")
"""The grid is checked with SCAN, which is sensitive to it; k-points with PBE, which takes half the
time and disperses the bands as much."""
CHECKED = ("Li3InCl6_T0600", "NaZr2P3O12_T0700", "Li3PS4_T0600")
"""Frames with which cutoff and k-points are checked, one of each family."""
UNSETTLED = "O"
"""Frames with this element get no SCAN labels yet. At 600 Ry the forces on Na of NaZr2P3O12 differ
from those of PBE by 1.0 eV/Å (root mean square), on Ge of Li3.5P0.5Ge0.5S2O2 by 0.6, which is the
grid or the pseudopotential and no functional: Li by 0.02, Y by 0.07. The finer grid comes first."""
WITH_PBE = (
    *CHECKED,
    "Li3YBr6_T1200",
    "Li3In0.5Y0.5Br3Cl3_T0900",
    "Li3.5P0.5Ge0.5S2O2_T0900",
)


def tasks(frames: list[Atoms]) -> Iterator[tuple[str, Atoms]]:
    """(settings, frame) in the order in which they are computed."""
    for frame in frames:
        if frame.info[keys.TRAJECTORY] in CHECKED:
            for check in CHECKS:
                yield check, frame
    for frame in sorted(frames, key=len):
        name = frame.info[keys.TRAJECTORY]
        if UNSETTLED not in frame.symbols:
            yield "scan", frame
        if name in WITH_PBE:
            yield "pbe", frame


def labelled(settings: str) -> list[Atoms]:
    """The frames that have labels with these settings."""
    path = HERE / f"{settings}.extxyz"
    return read_frames(path, labelled=True) if path.is_file() else []


def label(settings: str, frame: Atoms, work: Path) -> Atoms | None:
    """The labelled frame, with the CPU time that CP2K took; None if it was rejected."""
    source = ProgramSource(
        Cp2k(SETTINGS[settings]), RunSettings(command=f"OMP_NUM_THREADS=1 {default_command()}")
    )
    folder = work / f"{settings}-{frame.info[keys.TRAJECTORY]}"
    folder.mkdir(parents=True, exist_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        answer = source.label(frame, folder)
    except RejectedFrame as rejected:
        print(f"{folder.name}: {rejected}", flush=True)
        return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent_min = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 60
    if spent_min > 0.1:  # else the output lay there from a run before
        answer.info["cpu_min"] = round(spent_min, 1)
    print(f"{folder.name}: {spent_min:.1f} min of CPU", flush=True)
    return answer


def main(work: Path, processes: int) -> None:
    """Label what has no label."""
    frames = read_frames(HERE / "frames.extxyz", labelled=False)
    done = {
        settings: {one.info[keys.TRAJECTORY] for one in labelled(settings)} for settings in SETTINGS
    }
    # A process of its own for each frame: the CPU time of its children is the frame's.
    with ProcessPoolExecutor(processes, max_tasks_per_child=1, mp_context=SPAWN) as pool:
        started = {
            pool.submit(label, settings, frame, work): settings
            for settings, frame in tasks(frames)
            if frame.info[keys.TRAJECTORY] not in done[settings]
        }
        for future in as_completed(started):
            if answer := future.result():
                path = HERE / f"{started[future]}.extxyz"
                write_frames(path, [*labelled(started[future]), answer])


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
        sys.exit("Name a folder for the outputs of CP2K: python label.py WORK_FOLDER [PROCESSES]")
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
