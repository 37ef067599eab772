"""pair_style mace as a guest: of a Python, of a LAMMPS with partitions, beside another libtorch."""

import subprocess
import sys

import numpy as np
import pytest

from mlipsse import lammps
from tests.support.potential.lammps_deck import lammps_command, run_lammps, write_deck

IN_PYTHON = """\
import ctypes, sys
for name in ("libmpi.so.12",):
    ctypes.CDLL(sys.prefix + "/lib/" + name, mode=ctypes.RTLD_GLOBAL)
import torch
torch.set_num_threads(3)
from lammps import lammps
lmp = lammps(cmdargs=["-screen", "none", "-log", "none"])
lmp.file("deck.lmp")
print("energy", lmp.get_thermo("pe"), "threads", torch.get_num_threads())
"""


def test_threads_of_a_python(plugin, torchscript, tmp_path):
    write_deck(tmp_path, plugin, torchscript)
    done = subprocess.run(
        [sys.executable, "-c", IN_PYTHON],
        cwd=tmp_path,
        env=lammps.environment(1),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    words = done.stdout.split()
    assert np.isfinite(float(words[words.index("energy") + 1]))
    assert words[-2:] == ["threads", "3"]


def test_a_foreign_libtorch_comes_second(plugin, torchscript, tmp_path):
    """Of the same names, ahead on LD_LIBRARY_PATH, as modules of clusters put one."""
    foreign = tmp_path / "lib"
    foreign.mkdir()
    for name in ("torch", "torch_cpu", "c10"):
        file = f"lib{name}.so"
        command = ["c++", "-x", "c", "-shared", "-fPIC", f"-Wl,-soname,{file}", "-"]
        subprocess.run([*command, "-o", foreign / file], input=b"", check=True)
    write_deck(tmp_path, plugin, torchscript)
    mpi = lammps.find_lammps().library_dirs[0]
    status, screen = run_lammps(
        tmp_path, lammps_command(1), environment={"LD_LIBRARY_PATH": f"{foreign}:{mpi}"}
    )
    assert status == 0, screen
    assert "MACE model" in screen


def test_partitions(plugin, torchscript, tmp_path):
    """Each loads its model when it likes: the second one twice."""
    pair_coeff = f'pair_coeff * * "{torchscript}" Li Cl'
    again = f'variable part world 1 2\nif "${{part}} == 2" then "{pair_coeff.replace(chr(34), "")}"'
    write_deck(tmp_path, plugin, torchscript, extra=again)
    command = [*lammps_command(2), "-partition", "2x1"]
    status, screen = run_lammps(tmp_path, command)
    assert status == 0, screen
    for part, count in ((0, 1), (1, 2)):
        text = (tmp_path / f"log.lammps.{part}").read_text()
        assert text.count("MACE model") == count


@pytest.mark.parametrize("ranks", [1, 2])
def test_atoms_that_change_their_type(plugin, torchscript, tmp_path, ranks):
    """Energies of the trials of fix atom/swap are those of the new types."""

    def run(*lines: str) -> dict[str, float]:
        write_deck(tmp_path, plugin, torchscript, extra="\n".join(lines))
        status, screen = run_lammps(tmp_path, lammps_command(ranks))
        assert status == 0, screen
        words = [line.split() for line in screen.splitlines() if line.startswith("found ")]
        return {name: float(value) for _, name, value in words}

    def arranged(lithium: str) -> list[str]:
        return ["set atom * type 2", f"set atom {lithium} type 1"]

    energies = run(
        *(
            line
            for atom in "123"
            for line in [*arranged(atom), "run 0", f'print "found {atom} $(pe:%.12g)"']
        )
    )
    lowest, highest = min(energies, key=energies.get), max(energies, key=energies.get)
    assert energies[highest] - energies[lowest] > 0.1
    swaps = ["fix swap all atom/swap 1 1 4321 1.0 ke no types 1 2", "run 20"]
    swaps += ['print "found tried $(f_swap[1])"', 'print "found done $(f_swap[2])"']
    swaps += ['print "found energy $(pe:%.12g)"']
    found = run(*arranged(lowest), *swaps)
    assert found["tried"] == 20
    assert found["done"] == 0
    found = run(*arranged(highest), *swaps)
    assert found["done"] >= 1
    assert found["energy"] == pytest.approx(energies[lowest], abs=1e-9)
