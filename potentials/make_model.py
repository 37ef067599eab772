"""Run the campaign of a potential up to its export, and put the bundle beside the campaign.

    python make_model.py NAME WORK_FOLDER

NAME is a folder here with a `campaign.yaml`, whose host is in the example that it names. Killed and
run again, it goes on where it was. Some forty minutes on two cores.
"""

import argparse
import shutil
import subprocess
import sysconfig
from pathlib import Path

import yaml

from mlipsse.files import write_aside
from mlipsse.resources import resource_dir

HERE = Path(__file__).resolve().parent


def main(name: str, folder: Path) -> None:
    """Run the stages up to export, then copy the bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    campaign = HERE / name / "campaign.yaml"
    host = yaml.safe_load(campaign.read_text(encoding="utf-8"))["structure"]["host"]
    (found,) = (
        path for path in resource_dir("examples").glob(f"*/{host}") if "demo" not in str(path)
    )
    for source in (campaign, found):
        shutil.copyfile(source, folder / source.name)
    program = Path(sysconfig.get_path("scripts")) / "mlipsse"
    subprocess.run([program, "run", folder, "--until", "export"], check=True)
    for file in (folder / "07-export" / name).iterdir():
        with write_aside(HERE / name / file.name) as aside:
            aside.write_bytes(file.read_bytes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "name", choices=sorted(path.parent.name for path in HERE.glob("*/campaign.yaml"))
    )
    parser.add_argument("work", type=Path, help="Folder for the campaign.")
    arguments = parser.parse_args()
    main(arguments.name, arguments.work)
