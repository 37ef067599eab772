"""Decks of the tests: one structure on any number of ranks, and every number that comes out."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse import lammps
from mlipsse.potential.lammps.plugin import build_plugin
from tests.support.potential.tiny_potential import ELEMENTS, random_cell

Command = Callable[[int], Sequence[str | Path]]

START = """\
{load}
units metal
atom_style atomic
atom_modify map yes
newton on
{before}
box tilt large
read_data atoms.data
mass * 20.0
{pair}
{extra}
compute energy all pe/atom
{stress}
thermo_style custom step pe pxx pyy pzz pxy pxz pyz
thermo_modify format float %.15g
{run}
print "totals $(pe:%.17g) $(pxx:%.17g) $(pyy:%.17g) $(pzz:%.17g) $(pxy:%.17g) $(pxz:%.17g)" &
    file totals.txt
print "$(pyz:%.17g) $(vol:%.17g)" append totals.txt
write_dump all custom atoms.dump id x y z fx fy fz c_energy {columns} &
    modify sort id format float %.17g
"""
THREE_ATOMS = """\
plugin load "{plugin}"
units {units}
atom_style atomic
atom_modify {modify}
region cell block 0 {edge} 0 {edge} 0 {edge}
create_box 2 cell
create_atoms 1 single 1.0 1.0 1.0
create_atoms 2 single {x} 1.2 0.9
create_atoms 2 single 3.1 3.4 3.6
mass * 10.0
{pair_style}
{pair_coeff}
thermo 1
{extra}
run 0
"""
STRESS = "compute stress all stress/atom NULL virial"
PAIR = 'pair_style mace {words}\npair_coeff * * "{model}" ' + " ".join(ELEMENTS)


class Deck:
    """Runs one structure on any number of ranks."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model = folder, model
        self.load = f'plugin load "{build_plugin()}"'
        self.environment: dict[str, str] = {}
        self.command: Command = lammps_command
        self.count = 0

    def run(
        self, atoms: Atoms, *, ranks: int = 1, pair: str = PAIR, words: str = "", **parts: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run `parts["run"]` (default: `run 0`) on `ranks` ranks.

        Returns
        -------
        energy (eV), pressures xx yy zz xy xz yz (bar), volume (A^3)
        of every atom: place, force, energy, and its six of stress times volume, in order of ids
        """
        status, screen, folder = self.attempt(atoms, ranks=ranks, pair=pair, words=words, **parts)
        assert status == 0, screen
        totals = (folder / "totals.txt").read_text().split()[1:]
        rows = np.loadtxt(folder / "atoms.dump", skiprows=9, ndmin=2)
        return np.array(totals, dtype=float), rows[:, 1:]

    def attempt(
        self, atoms: Atoms, *, ranks: int = 1, pair: str = PAIR, words: str = "", **parts: str
    ) -> tuple[int, str, Path]:
        """As `run`, which may fail: exit status, screen output and folder."""
        self.count += 1
        folder = self.folder / f"{self.count}"
        folder.mkdir()
        write_data(folder / "atoms.data", atoms)
        changed = {"before": "", "extra": "", "run": "run 0", "stress": STRESS} | parts
        changed["columns"] = "c_stress[*]" if changed["stress"] else ""
        deck = START.format(
            load=self.load, pair=pair.format(model=self.model, words=words), **changed
        )
        (folder / "deck.lmp").write_text(deck)
        argv = self.command(ranks)
        return *run_lammps(folder, argv, environment=self.environment), folder


def lammps_command(ranks: int) -> list[str | Path]:
    """This environment's LAMMPS on `ranks` ranks."""
    binary = lammps.find_lammps().binary
    return [binary] if ranks == 1 else [lammps.mpirun(), "-n", str(ranks), binary]


def run_lammps(
    folder: Path, command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run `deck.lmp` in `folder`: exit status and screen output."""
    done = subprocess.run(
        [*command, "-in", "deck.lmp"],
        cwd=folder,
        env=lammps.environment(1) | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout


def write_deck(folder: Path, plugin: Path, torchscript: Path, **changes: str) -> None:
    """Write `deck.lmp`, three atoms, with parts of `THREE_ATOMS` changed."""
    parts = {
        "plugin": str(plugin),
        "units": "metal",
        "modify": "map yes",
        "edge": "6.0",
        "x": "3.2",
        "pair_style": "pair_style mace",
        "pair_coeff": f'pair_coeff * * "{torchscript}" Li Cl',
        "extra": "",
    } | changes
    (folder / "deck.lmp").write_text(THREE_ATOMS.format(**parts))


def refused(result: tuple[int, str], *words: str) -> None:
    """LAMMPS ended with one error that has all words, and no trace of C++ or Python."""
    status, screen = result
    assert status != 0
    error = next(line for line in screen.splitlines() if line.startswith("ERROR"))
    for word in words:
        assert word in error
    for trace in ("terminate called", "Traceback", "frame #", "c10::", "what():", "Signal"):
        assert trace not in screen, screen


def write_data(path: Path, atoms: Atoms) -> None:
    """Lower-triangular cells only; places as they are."""
    a, b, c = atoms.cell.array
    assert abs(a[1:]).max() == abs(b[2]) == 0
    zlo = atoms.info.get("zlo", 0.0)
    kinds = [ELEMENTS.index(symbol) + 1 for symbol in atoms.get_chemical_symbols()]
    lines = [
        "atoms of a test\n",
        f"{len(atoms)} atoms",
        f"{len(ELEMENTS)} atom types",
        f"0.0 {a[0]:.16g} xlo xhi",
        f"0.0 {b[1]:.16g} ylo yhi",
        f"{zlo:.16g} {zlo + c[2]:.16g} zlo zhi",
        f"{b[0]:.16g} {c[0]:.16g} {c[1]:.16g} xy xz yz\n",
        "Atoms\n",
        *(
            f"{k} {kind} {x:.17g} {y:.17g} {z:.17g}"
            for k, (kind, (x, y, z)) in enumerate(zip(kinds, atoms.positions, strict=True), 1)
        ),
    ]
    path.write_text("\n".join(lines) + "\n")


BRICK = random_cell(cell=np.diag([8.0, 9.0, 10.0]), n_atoms=20, closest_A=1.9, seed=3)
TILTED = random_cell(
    cell=np.array([[8.0, 0.0, 0.0], [6.0, 7.0, 0.0], [-5.0, 6.5, 8.0]]),
    n_atoms=14,
    closest_A=1.9,
    seed=4,
)
SMALL = random_cell(
    cell=np.array([[3.0, 0.0, 0.0], [0.2, 3.4, 0.0], [0.5, 0.4, 3.8]]),
    n_atoms=2,
    closest_A=1.7,
    seed=5,
)
