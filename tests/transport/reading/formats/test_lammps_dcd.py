"""What LAMMPS itself writes, against its own text dump of unwrapped coordinates."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlipsse.transport import read_run

LMP = Path(sys.executable).with_name("lmp")

POTENTIAL = """
pair_style lj/cut 8.5
pair_coeff * * 0.0104 3.4
fix 1 all nvt temp 900 900 0.1
timestep 0.002
dump d all dcd 20 traj.{step}.dcd
dump_modify d sort id unwrap yes
dump x all custom 20 unwrapped.{step}.txt id type xu yu zu
dump_modify x sort id format float %.9f
"""

START = """
units metal
lattice fcc 5.3
region b prism 0 3 0 3 0 3 0.6 0.3 0.4
create_box 1 b
create_atoms 1 box
mass 1 7
velocity all create 900 1
reset_timestep 100
restart 100 restart.*
"""


@pytest.mark.skipif(not LMP.exists(), reason="no lmp beside this Python")
def test_parts_of_a_restarted_triclinic_run(tmp_path):
    (tmp_path / "in.start").write_text(START + POTENTIAL.format(step=100) + "run 240\n")
    (tmp_path / "in.again").write_text(
        "read_restart restart.300\n" + POTENTIAL.format(step=300) + "run 200\n"
    )
    for name in ("in.start", "in.again"):
        subprocess.run(
            [LMP, "-in", name, "-log", "none"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            timeout=120,
        )
    record = {
        "formula": "Li",
        "composition": "Li",
        "ordering": "o",
        "temperature_K": 900,
        "replica": 0,
        "timestep_fs": 2.0,
        "dump_every_steps": 20,
        "equilibration_steps": 100,
        "production_steps": 400,
        "species": ["Li"] * 108,
        "mobile": "Li",
        "mobile_charge_e": 1,
    }
    (tmp_path / "run.json").write_text(json.dumps(record))
    run = read_run(tmp_path)

    expected = {}
    for step in (100, 300):
        for text in (tmp_path / f"unwrapped.{step}.txt").read_text().split("ITEM: TIMESTEP\n")[1:]:
            lines = text.splitlines()
            expected[int(lines[0])] = np.loadtxt(lines[8:])[:, 2:]
    assert sorted(expected) == list(range(100, 501, 20))
    truth = np.stack([expected[step] for step in sorted(expected)])
    np.testing.assert_allclose(run.positions, truth, atol=5e-6)  # float32 at 30 Å
    edge = 3 * 5.3
    cell = [[edge, 0, 0], [0.6 * 5.3, edge, 0], [0.3 * 5.3, 0.4 * 5.3, edge]]
    np.testing.assert_allclose(run.cell, cell, atol=1e-5)
