"""Run the campaign beside this script and put the potential it exports here.

    python make_model.py WORK_FOLDER

Killed and run again, it goes on where it was. Forty minutes on two cores.
"""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from mlipsse.files import write_aside
from mlipsse.resources import resource_dir

HERE = Path(__file__).resolve().parent
NAME = HERE.name


def main(folder: Path) -> None:
    """Run the stages up to export, then copy the bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in (HERE / "campaign.yaml", resource_dir("examples") / "liybc" / "LIYBC.cif"):
        shutil.copyfile(source, folder / source.name)
    program = Path(sysconfig.get_path("scripts")) / "mlipsse"
    subprocess.run([program, "run", folder, "--until", "export"], check=True)
    for file in (folder / "07-export" / NAME).iterdir():
        with write_aside(HERE / file.name) as aside:
            aside.write_bytes(file.read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
