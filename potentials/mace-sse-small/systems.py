"""What `mace-sse-small` learns from: hosts, their compositions and cells, and conditions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ase import Atoms

from mlipsse.orderings import (
    HostSettings,
    Supercell,
    enumerate_orderings,
    parse_composition,
    read_host,
)
from mlipsse.resources import resource_dir

HERE = Path(__file__).resolve().parent
EXAMPLES = resource_dir("examples")
TEMPERATURES_K = (300.0, 600.0, 900.0, 1200.0, 1500.0)
N_ORDERINGS = 12
SEED = 7


@dataclass(frozen=True)
class System:
    """A composition in a host.

    Attributes
    ----------
    name : used in file names and in the table of errors
    family : halides, nasicon or lpsgo
    cell : of the host's, in which atoms are ordered
    repeat : of that, so that no edge is shorter than some 6 Å
    """

    name: str
    family: str
    host: Path
    formula: str
    mobile: str
    charges: Mapping[str, int]
    substitutions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    cell: tuple[int, int, int] = (1, 1, 1)
    repeat: tuple[int, int, int] = (1, 1, 1)
    primitive: bool = False
    closest_A: float = 1.5

    def structure(self, index: int) -> Atoms:
        """The ordering `index` of the lowest Ewald energies, not relaxed."""
        orderings = _orderings(self.name)
        return orderings[index % len(orderings)].repeat(self.repeat)


def systems() -> list[System]:
    """All of them, the same order every time."""
    return [*_halides(), *_nasicon(), *_lpsgo()]


@cache
def _orderings(name: str) -> list[Atoms]:
    system = next(one for one in systems() if one.name == name)
    host = read_host(
        system.host,
        HostSettings(
            mobile=system.mobile,
            substitutions=dict(system.substitutions),
            charges=dict(system.charges),
            closest_A=system.closest_A,
            primitive=system.primitive,
        ),
    )
    found = enumerate_orderings(
        parse_composition(system.formula, host),
        Supercell(host, system.cell),
        max_orderings=N_ORDERINGS,
        seed=SEED,
    )
    return [ordering.atoms for ordering in found]


def _halides() -> list[System]:
    """C2/m on and beside the published grid, and the hexagonal Li3YCl6."""
    charges = {"Li": 1, "In": 3, "Y": 3, "Cl": -1, "Br": -1}
    formulas = (
        "Li3InCl6",
        "Li3InBr6",
        "Li3YCl6",
        "Li3YBr6",
        "Li3InBr3Cl3",
        "Li3YBr3Cl3",
        "Li3In0.5Y0.5Br3Cl3",
        "Li3In0.5Y0.5Br6",
        "Li3In0.5Y0.5Cl6",
    )
    grid = [
        System(
            name=formula,
            family="halides",
            host=EXAMPLES / "liybc" / "LIYBC.cif",
            formula=formula,
            mobile="Li",
            charges=charges,
            substitutions={"In": ["In", "Y"], "Cl": ["Cl", "Br"]},
            repeat=(2, 1, 1) if number % 2 else (1, 1, 2),
        )
        for number, formula in enumerate(formulas)
    ]
    hexagonal = System(
        name="Li3YCl6-P-3m1",
        family="halides",
        host=HERE / "hosts" / "Li3YCl6_P-3m1_exp_obelix_ei3.cif",
        formula="Li3YCl6",
        mobile="Li",
        charges={"Li": 1, "Y": 3, "Cl": -1},
        closest_A=2.0,
    )
    return [*grid, hexagonal]


def _nasicon() -> list[System]:
    """Na(1+x)Zr2SixP(3-x)O12 in the rhombohedral cell of two formula units."""
    formulas = (
        "NaZr2P3O12",
        "Na1.5Zr2Si0.5P2.5O12",
        "Na2Zr2SiP2O12",
        "Na2.5Zr2Si1.5P1.5O12",
        "Na3Zr2Si2PO12",
        "Na3.5Zr2Si2.5P0.5O12",
        "Na4Zr2Si3O12",
    )
    return [
        System(
            name=formula,
            family="nasicon",
            host=EXAMPLES / "nasicon" / "NaSICON.cif",
            formula=formula,
            mobile="Na",
            charges={"Na": 1, "Zr": 4, "Si": 4, "P": 5, "O": -2},
            substitutions={"Si": ["Si", "P"], "P": ["Si", "P"]},
            primitive=True,
        )
        for formula in formulas
    ]


def _lpsgo() -> list[System]:
    """Li(3+x)P(1-x)GexS(4-4x)O(4x) in Pnma, the other phases of its ends, and LGPS."""
    charges = {"Li": 1, "P": 5, "Ge": 4, "S": -2, "O": -2}
    formulas = (
        "Li3PS4",
        "Li3.25P0.75Ge0.25S3O",
        "Li3.5P0.5Ge0.5S2O2",
        "Li3.75P0.25Ge0.75SO3",
        "Li4GeO4",
    )
    mixed = [
        System(
            name=f"{formula}-Pnma",
            family="lpsgo",
            host=EXAMPLES / "lpsgo" / "LPSGO.cif",
            formula=formula,
            mobile="Li",
            charges=charges,
            substitutions={"P": ["P", "Ge"], "S": ["S", "O"]},
        )
        for formula in formulas
    ]
    ends = [
        System(
            name=name,
            family="lpsgo",
            host=HERE / "hosts" / file,
            formula=formula,
            mobile="Li",
            charges={symbol: charge for symbol, charge in charges.items() if symbol in formula},
            repeat=repeat,
            closest_A=closest_A,
        )
        for name, file, formula, repeat, closest_A in (
            ("Li3PS4-Pmn21", "gamma-Li3PS4_Pmn21.cif", "Li3PS4", (1, 1, 2), 1.5),
            ("Li3PS4-Cmcm", "alpha-Li3PS4_Cmcm_CONSTRUCTED.cif", "Li3PS4", (1, 1, 1), 2.2),
            ("Li4GeO4-Cmcm", "Li4GeO4_Cmcm.cif", "Li4GeO4", (1, 1, 1), 1.5),
            ("Li10GeP2S12", "LGPS_P42nmc_host_simplified.cif", "Li10GeP2S12", (1, 1, 1), 2.0),
        )
    ]
    return [*mixed, *ends]
