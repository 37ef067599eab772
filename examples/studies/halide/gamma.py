"""Li3InCl6 frames labelled twice by CP2K: at Γ alone, and with converged k-points.

    python gamma.py FRAMES.extxyz WORK_FOLDER [NUMBER_OF_FRAMES]

Writes `gamma.extxyz` and `converged.extxyz` here, for `mlipsse study labels`. A frame of 20 atoms
costs some 10 minutes of one core with k-points. What is done is kept in WORK_FOLDER.
"""

import sys
from pathlib import Path

from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.labels.cp2k.program import default_command
from mlipsse.dataset.labels.cp2k.settings import Cp2kSettings
from mlipsse.dataset.labels.cp2k.source import Cp2k
from mlipsse.dataset.labels.program import ProgramSource, RunSettings
from mlipsse.dataset.labels.sources import RejectedFrame

HERE = Path(__file__).resolve().parent
CONVERGED = Cp2kSettings(functional="PBE", cutoff_Ry=600, min_length_A=12, eps_default=1e-10)
SETTINGS = {"gamma": CONVERGED.replaced(min_length_A=1), "converged": CONVERGED}


def main(frames: Path, work: Path, count: int) -> None:
    """Label the first frames with both settings."""
    for name, settings in SETTINGS.items():
        run = RunSettings(command=f"OMP_NUM_THREADS=1 {default_command()}")
        source = ProgramSource(Cp2k(settings), run)
        labelled = []
        for number, frame in enumerate(read_frames(frames, labelled=False)[:count]):
            folder = work / f"{name}-{number:03d}"
            folder.mkdir(parents=True, exist_ok=True)
            try:
                labelled.append(source.label(frame, folder))
            except RejectedFrame as rejected:
                print(f"{folder.name}: {rejected}", flush=True)
                continue
            write_frames(HERE / f"{name}.extxyz", labelled)
            print(f"{folder.name}: done", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 10)
