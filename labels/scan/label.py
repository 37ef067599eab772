"""DFT labels of the frames in `frames.extxyz`, by CP2K.

    python label.py WORK_FOLDER [PROCESSES]

`scan.extxyz` gets every frame without sodium, `pbe.extxyz` some of these and every frame with it;
small cells first. The other files hold a few frames by which grid and k-points are judged. A frame
that a file holds with these settings is kept (labels of other settings are dropped), and CP2K's
outputs stay in WORK_FOLDER, so that the script can be stopped at any time and started again.
`--status` prints how far the files are. CP2K of Debian finds OpenBLAS where `libopenblas0-pthread`
is installed.
"""

import multiprocessing
import re
import resource
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from mlipsse import keys
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.labels.cp2k.program import default_command
from mlipsse.dataset.labels.cp2k.settings import Cp2kSettings, Functional
from mlipsse.dataset.labels.cp2k.source import Cp2k
from mlipsse.dataset.labels.program import ProgramSource, RunSettings
from mlipsse.dataset.labels.sources import RejectedFrame

HERE = Path(__file__).resolve().parent
SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Labels:
    """What one file holds.

    Attributes
    ----------
    names : the frames, by their `trajectory`; None for all
    share_of_cutoff : of what the elements want
    min_length_A : of the k-points
    """

    functional: Functional
    names: tuple[str, ...] | None = None
    share_of_cutoff: float = 1.0
    min_length_A: float = 10.0

    def of(self, frame: Atoms) -> bool:
        """Whether the file shall hold the frame."""
        if self.functional == "SCAN" and SODIUM in frame.symbols:
            return False
        return self.names is None or frame.info[keys.TRAJECTORY] in self.names

    def settings(self, frame: Atoms) -> Cp2kSettings:
        """Of the frame's single point.

        With eps_default 1e-10 forces differ by 2e-5 eV/Å from those with 1e-12, which take 1.4
        times as long.
        """
        cutoff_Ry = 2700.0 if SODIUM in frame.symbols else 1200.0
        coarse = {"max_force_noise_eV_A": 1.0} if self.share_of_cutoff < 1 else {}
        return Cp2kSettings(
            **coarse,
            functional=self.functional,
            cutoff_Ry=self.share_of_cutoff * cutoff_Ry,
            min_length_A=self.min_length_A,
            eps_default=1e-10,
        )


SODIUM = "Na"
"""Its basis set of nine electrons is too sharp for these grids: in NaCl net forces show an error of
0.04 eV/Å with SCAN at 2700 Ry, where PBE has 0.001. The one of one electron is no alternative: its
forces in NaCl are 40 % too small. So frames with sodium have labels of PBE alone."""
NASICON = tuple(
    f"{formula}_T{temperature}"
    for formula in ("NaZr2P3O12", "Na3Zr2Si2PO12", "Na4Zr2Si3O12")
    for temperature in ("0700", "1000")
)
ONE_OF_EACH = ("Li3InCl6_T0600", "Li3.5P0.5Ge0.5S2O2_T0900", "NaZr2P3O12_T0700")
"""Frames with which grid and k-points are checked, one of each family."""
BROMIDES = ("Li3YBr6_T1200", "Li3In0.5Y0.5Br3Cl3_T0900")
FILES: Mapping[str, Labels] = {
    "scan": Labels("SCAN"),
    "pbe": Labels("PBE", (*ONE_OF_EACH, *BROMIDES, "Li3PS4_T0600", *NASICON)),
    "scan-coarse": Labels("SCAN", (*ONE_OF_EACH, *BROMIDES), share_of_cutoff=0.75),
    "pbe-coarse": Labels("PBE", NASICON[:1], share_of_cutoff=0.75),
    "pbe-15A": Labels("PBE", ONE_OF_EACH, min_length_A=15.0),
}
"""The grid is checked with SCAN, which is sensitive to it, where there is SCAN; k-points with PBE,
which takes half the time and disperses the bands as much."""


def tasks(frames: list[Atoms]) -> Iterator[tuple[str, Atoms]]:
    """(file, frame) in the order in which they are computed."""
    for file, labels in FILES.items():
        for frame in sorted(frames, key=len):
            if labels.of(frame):
                yield file, frame


def labelled(file: str) -> list[Atoms]:
    """The frames that a file has with the settings that it shall have."""
    path = HERE / f"{file}.extxyz"
    return [
        frame
        for frame in (read_frames(path, labelled=True) if path.is_file() else [])
        if re.sub(r"(CP2K) [^,]+", r"\1", frame.info[keys.LABEL_SOURCE])
        == Cp2k(FILES[file].settings(frame)).description
    ]


def label(file: str, frame: Atoms, work: Path) -> Atoms | None:
    """The labelled frame, with the CPU time that CP2K took; None if it was rejected."""
    source = ProgramSource(
        Cp2k(FILES[file].settings(frame)),
        RunSettings(command=f"OMP_NUM_THREADS=1 {default_command()}"),
    )
    folder = work / f"{file}-{frame.info[keys.TRAJECTORY]}"
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
    done = {file: {one.info[keys.TRAJECTORY] for one in labelled(file)} for file in FILES}
    # A process of its own for each frame: the CPU time of its children is the frame's.
    with ProcessPoolExecutor(processes, max_tasks_per_child=1, mp_context=SPAWN) as pool:
        started = {
            pool.submit(label, file, frame, work): file
            for file, frame in tasks(frames)
            if frame.info[keys.TRAJECTORY] not in done[file]
        }
        for future in as_completed(started):
            if answer := future.result():
                file = started[future]
                write_frames(HERE / f"{file}.extxyz", [*labelled(file), answer])


def status() -> None:
    """Print the number of labels that are there, of those that shall be."""
    planned = [file for file, _ in tasks(read_frames(HERE / "frames.extxyz", labelled=False))]
    for file in FILES:
        print(f"{file}: {len(labelled(file))} of {planned.count(file)}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--status"]:
        status()
    elif len(sys.argv) == 1:
        sys.exit("Name a folder for the outputs of CP2K: python label.py WORK_FOLDER [PROCESSES]")
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
