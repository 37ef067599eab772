"""DFT labels from CP2K: inputs of a single point with GTH potentials and MOLOPT bases."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from ase import Atoms
from pydantic import Field, model_validator

from mlipsse.dataset.labels.cp2k_data import (
    Kind,
    choose_kind,
    entries,
    find_data_dir,
    largest_exponent,
)
from mlipsse.dataset.labels.cp2k_input import Block, Sampling, grid_levels, wanted_cutoff_Ry
from mlipsse.dataset.labels.cp2k_program import INPUT_FILE, OUTPUT_FILE, require_known_version
from mlipsse.dataset.labels.program import Fault
from mlipsse.dataset.labels.sources import CP2K, Label, RejectedFrame
from mlipsse.errors import MlipsseError
from mlipsse.settings import Count, Positive, Settings
from mlipsse.structures.geometry import widths_A

SmallCells = Literal["kpoints", "supercell"]
Functional = Literal["SCAN", "PBE"]

LIBXC: dict[Functional, tuple[str, str]] = {
    "SCAN": ("MGGA_X_SCAN", "MGGA_C_SCAN"),
    "PBE": ("GGA_X_PBE", "GGA_C_PBE"),
}
"""Exchange and correlation of each functional by their names in libxc, which CP2K prints."""


class Cp2kSettings(Settings):
    """A single point in CP2K's Quickstep (Kühne et al. 2020, doi 10.1063/5.0007045).

    Functionals from libxc: SCAN (Sun, Ruzsinszky, Perdew 2015, doi 10.1103/PhysRevLett.115.036402)
    and PBE (Perdew, Burke, Ernzerhof 1996, doi 10.1103/PhysRevLett.77.3865). Potentials and bases
    are those optimised for the functional (GTH-SCAN with MOLOPT-SCAN, GTH-PBE with MOLOPT-PBE).

    Meta-GGAs want fine grids. Between 600 and 1200 Ry the forces on Y of Li3YBr6 differ by 40
    meV/Å, those of Li3InCl6 by 9; at 1200 Ry net forces show an error of 3 in both. The basis sets
    of Na with nine electrons are too sharp for any of these grids (NaCl: 0.2 eV/Å at 900 Ry, 0.04
    at 2700).

    The label of a repeated cell is folded back. Each element takes the basis set and potential of
    as many electrons, the most there are. A retry goes another way to the same minimum: conjugate
    gradients instead of DIIS (OT), a smaller share of the new density in the mixing
    (diagonalisation).

    Raises
    ------
    MlipsseError
        for a multiplicity without spin; as `Settings`.
    """

    functional: Functional = "SCAN"
    """Exchange-correlation functional."""
    cutoff_Ry: Positive = 1200.0
    """Plane-wave cutoff (CUTOFF) in Ry."""
    rel_cutoff_Ry: Positive = 60.0
    """Relative cutoff of the multigrid (REL_CUTOFF) in Ry."""
    max_force_noise_eV_A: Positive = 0.02
    """Largest error of a force by the grid, in eV/Å, as the net force of a frame shows it. A frame
    with more is rejected; labels that are there stay."""
    eps_scf: Positive = 1e-06
    """Electronic convergence (EPS_SCF)."""
    eps_default: Positive = 1e-12
    """Accuracy of the integrals (EPS_DEFAULT)."""
    min_length_A: Positive = 10.0
    """Smallest height of a cell along a, b and c in Å for a computation at Γ. Smaller cells get
    k-points so that their number times the height reaches this length."""
    small_cells: SmallCells = "kpoints"
    """Treatment of cells below min_length_A. kpoints: k-points. supercell: repeat the cell to
    min_length_A and compute at Γ, for a CP2K without SCAN stress at k-points."""
    diagonalisation: bool = False
    """Diagonalise at Γ instead of using OT, which needs a band gap. Computations with k-points or
    smearing always diagonalise."""
    smearing_K: Positive | None = None
    """Electronic temperature of Fermi-Dirac smearing in K. The default is fixed occupations."""
    spin: bool = False
    """Compute spin-polarised (UKS)."""
    multiplicity: Count | None = None
    """Spin multiplicity 2S + 1 of a frame. The default is the guess of CP2K."""
    max_scf: Count = 100
    """Maximum number of electronic steps. A retry doubles it and uses CG instead of DIIS (OT), or
    mixes less of the new density."""
    basis: str | None = None
    """Kind of basis set, e.g. TZV2P-MOLOPT-SCAN-GTH. The default is DZVP-MOLOPT of the
    functional."""
    potential: str | None = None
    """Kind of pseudopotential. The default is the GTH potential of the functional, e.g.
    GTH-SCAN."""
    bases: dict[str, str] = Field(default_factory=dict)
    """Element -> full name of its basis set, e.g. Li: NAME-q1."""
    potentials: dict[str, str] = Field(default_factory=dict)
    """Element -> full name of its pseudopotential, e.g. Li: GTH-SCAN-q1."""
    basis_file: str = "BASIS_MOLOPT_UZH"
    """File of basis sets: a name in the data folder of CP2K, or a path."""
    potential_file: str = "POTENTIAL_UZH"
    """File of pseudopotentials: a name in the data folder of CP2K, or a path."""
    data_dir: str | None = None
    """Data folder of CP2K. The default is CP2K_DATA_DIR, or the place where packages install it."""

    @model_validator(mode="after")
    def _multiplicity_has_spin(self) -> Self:
        if self.multiplicity is not None and not self.spin:
            raise ValueError(
                f"multiplicity {self.multiplicity} requires a spin-polarised calculation. Set "
                "spin: true, or remove multiplicity."
            )
        return self

    @property
    def basis_kind(self) -> str:
        """Kind of basis set, the functional's own by default."""
        return self.basis or f"DZVP-MOLOPT-{self.functional}-GTH"

    @property
    def potential_kind(self) -> str:
        """Kind of pseudopotential, the functional's own by default."""
        return self.potential or f"GTH-{self.functional}"

    def kind(self, element: str) -> Kind:
        """Basis set and potential of an element.

        Raises
        ------
        MlipsseError
            as `mlipsse.dataset.labels.cp2k_data`.
        """
        folder = find_data_dir(self.data_dir)
        return choose_kind(
            element,
            basis_file=folder / self.basis_file,
            potential_file=folder / self.potential_file,
            basis=self.bases.get(element, self.basis_kind),
            potential=self.potentials.get(element, self.potential_kind),
        )

    def wanted_cutoff_Ry(self, element: str) -> float | None:
        """Least cutoff for the element's basis set; None where it is in another format.

        Raises
        ------
        MlipsseError
            as `kind`.
        """
        path = find_data_dir(self.data_dir) / self.basis_file
        exponent = largest_exponent(entries(path)[element][self.kind(element).basis])
        return None if exponent is None else wanted_cutoff_Ry(self.functional, exponent)


@dataclass(frozen=True)
class Cp2k:
    """A `mlipsse.dataset.labels.program.Program`: single points in CP2K.

    Attributes
    ----------
    settings : of the inputs
    """

    settings: Cp2kSettings

    @property
    def name(self) -> str:
        """As the config writes it."""
        return CP2K

    @property
    def description(self) -> str:
        """Functional, program and sampling of the Brillouin zone; labels state the version too."""
        return (
            f"{self.settings.functional} (CP2K, {self.settings.cutoff_Ry:g} Ry, {self._method()})"
        )

    @property
    def output_file(self) -> str:
        """CP2K's standard output, by `-o`."""
        return OUTPUT_FILE

    def decisive(self, elements: Iterable[str]) -> dict[str, Any]:
        """Settings without those that lead to the same minimum, and the elements' entries."""
        values = self.settings.model_dump()
        ways = ("max_scf", "diagonalisation", "data_dir", "basis_file", "potential_file")
        for key in (*ways, "max_force_noise_eV_A", "basis", "potential", "bases", "potentials"):
            del values[key]
        if self.settings.functional == "SCAN":
            # Labels made when there was no other functional stay valid.
            del values["functional"]
        kinds = {element: asdict(self.settings.kind(element)) for element in sorted(set(elements))}
        return {**values, "kinds": kinds}

    def prepare(self, atoms: Atoms, folder: Path, *, attempt: int) -> None:
        """Write `frame.inp`; the data files are not copied.

        Raises
        ------
        RejectedFrame
            when the frame has no cell, or an odd number of electrons without spin.
        MlipsseError
            when a data file, or an element in it, is missing.
        """
        (folder / INPUT_FILE).write_text(self._input(atoms, attempt=attempt), encoding="utf-8")

    def read(self, atoms: Atoms, folder: Path) -> Label | Fault:
        """The label in `frame.out`; see `mlipsse.dataset.labels.cp2k_output.read_output`."""
        from mlipsse.dataset.labels.cp2k_output import AskedOfCp2k, read_output

        settings, sampling = self.settings, self.sampling(atoms)
        multiplicity = settings.multiplicity
        if multiplicity is not None:
            multiplicity = (multiplicity - 1) * sampling.copies + 1
        asked = AskedOfCp2k(
            functional=settings.functional,
            libxc=LIBXC[settings.functional],
            cutoff_Ry=settings.cutoff_Ry,
            divisions=sampling.divisions,
            smearing=settings.smearing_K is not None,
            spin=settings.spin,
            multiplicity=multiplicity,
            electrons=self._electrons(atoms, sampling),
            detail=self._method(),
            max_noise_eV_A=settings.max_force_noise_eV_A,
        )
        computed = atoms.repeat(sampling.repeats)
        return read_output(folder / OUTPUT_FILE, computed, asked, n_atoms=len(atoms))

    def _electrons(self, atoms: Atoms, sampling: Sampling) -> int | None:
        """Valence electrons of all that is computed; None without CP2K's data files."""
        try:
            return sampling.copies * sum(
                self.settings.kind(symbol).valence_electrons
                for symbol in atoms.get_chemical_symbols()
            )
        except MlipsseError:
            return None

    def check(self, elements: Iterable[str]) -> None:
        """Look for the data files and a pair of basis and potential for all elements.

        Raises
        ------
        MlipsseError
            naming what is missing.
        """
        for element in sorted(set(elements)):
            self.settings.kind(element)

    def check_version(self, command: str) -> None:
        """Ask `cp2k --version`, where the command names a CP2K that is found here.

        Raises
        ------
        MlipsseError
            for a version whose layout is not read.
        """
        require_known_version(command)

    def sampling(self, atoms: Atoms) -> Sampling:
        """Γ, k-points or a supercell, by the size of the cell.

        Raises
        ------
        RejectedFrame
            when the frame has no three cell vectors.
        """
        if atoms.cell.rank < 3:
            raise RejectedFrame(
                f"{atoms.get_chemical_formula()} does not have three cell vectors. Add a cell."
            )
        # Rounding of a width shall not cost a division.
        a, b, c = (
            math.ceil(self.settings.min_length_A / width - 1e-6) for width in widths_A(atoms)
        )
        needed, once = (a, b, c), (1, 1, 1)
        return (
            Sampling(needed, once)
            if self.settings.small_cells == "supercell"
            else Sampling(once, needed)
        )

    def _method(self) -> str:
        """What a label depends on besides functional and cutoff, the same for all frames."""
        named = {*self.settings.bases.values(), *self.settings.potentials.values()}
        own = f" with {', '.join(sorted(named))}" if named else ""
        sampled = (
            "k-points" if self.settings.small_cells == "kpoints" else "Γ of supercells"
        ) + f" to {self.settings.min_length_A:g} Å"
        kinds = f"{self.settings.basis_kind}, {self.settings.potential_kind}"
        return f"{kinds}{own}, {sampled}"

    def _input(self, atoms: Atoms, *, attempt: int) -> str:
        settings = self.settings
        sampling = self.sampling(atoms)
        elements = sorted(set(atoms.get_chemical_symbols()))
        kinds = {element: settings.kind(element) for element in elements}
        electrons = sum(kinds[symbol].valence_electrons for symbol in atoms.get_chemical_symbols())
        if electrons % 2 and not settings.spin:
            raise RejectedFrame(
                f"{atoms.get_chemical_formula()} has {electrons} valence electrons, an odd "
                "number. Set spin: true."
            )
        copies = atoms.repeat(sampling.repeats)
        subsys: list[str | Block] = [
            Block("CELL", [_vector(*pair) for pair in zip("ABC", copies.cell[:], strict=True)]),
            Block(
                "COORD",
                [
                    _vector(symbol, position)
                    for symbol, position in zip(
                        copies.get_chemical_symbols(), copies.positions, strict=True
                    )
                ],
            ),
            *(
                Block(
                    f"KIND {element}",
                    [f"BASIS_SET {kind.basis}", f"POTENTIAL {kind.potential}"],
                )
                for element, kind in kinds.items()
            ),
        ]
        force_eval = Block(
            "FORCE_EVAL",
            [
                "METHOD QUICKSTEP",
                "STRESS_TENSOR ANALYTICAL",
                Block("PRINT", [Block("FORCES", ["NDIGITS 12"]), Block("STRESS_TENSOR", [])]),
                self._dft(sampling, electrons * sampling.copies, attempt=attempt),
                Block("SUBSYS", subsys),
            ],
        )
        project = ["PROJECT frame", "RUN_TYPE ENERGY_FORCE", "PRINT_LEVEL MEDIUM"]
        return f"{Block('GLOBAL', project).text()}{force_eval.text()}"

    def _dft(self, sampling: Sampling, electrons: int, *, attempt: int) -> Block:
        settings = self.settings
        folder = Path(settings.data_dir).expanduser() if settings.data_dir else Path()
        lines: list[str | Block] = [
            f"BASIS_SET_FILE_NAME {folder / settings.basis_file}",
            f"POTENTIAL_FILE_NAME {folder / settings.potential_file}",
        ]
        if settings.spin:
            lines.append("UKS TRUE")
        if settings.multiplicity is not None:
            # Every copy has the unpaired electrons of the frame.
            lines.append(f"MULTIPLICITY {(settings.multiplicity - 1) * sampling.copies + 1}")
        lines += [
            Block(
                "MGRID",
                [
                    f"CUTOFF {settings.cutoff_Ry:g}",
                    f"REL_CUTOFF {settings.rel_cutoff_Ry:g}",
                    f"NGRIDS {grid_levels(settings.cutoff_Ry)}",
                ],
            ),
            Block("QS", [f"EPS_DEFAULT {settings.eps_default:.1E}"]),
            self._scf(sampling, electrons, attempt=attempt),
        ]
        if not sampling.at_gamma:
            mesh = " ".join(map(str, sampling.divisions))
            lines.append(Block("KPOINTS", [f"SCHEME MONKHORST-PACK {mesh}"]))
        functional = Block(
            "XC_FUNCTIONAL", [Block(part, []) for part in LIBXC[settings.functional]]
        )
        return Block("DFT", [*lines, Block("XC", [functional])])

    def _scf(self, sampling: Sampling, electrons: int, *, attempt: int) -> Block:
        settings = self.settings
        lines: list[str | Block] = [
            "SCF_GUESS ATOMIC",
            f"EPS_SCF {settings.eps_scf:.1E}",
            f"MAX_SCF {settings.max_scf * 2**attempt}",
        ]
        if sampling.at_gamma and not settings.diagonalisation and settings.smearing_K is None:
            minimiser = "CG" if attempt else "DIIS"
            way = Block("OT", ["PRECONDITIONER FULL_ALL", f"MINIMIZER {minimiser}"])
            return Block("SCF", [*lines, way])
        if settings.smearing_K is not None:
            lines.append(f"ADDED_MOS {max(10, electrons // 10)}")
        lines.append(Block("DIAGONALIZATION", []))
        share = 0.1 if attempt else 0.4
        lines.append(Block("MIXING", ["METHOD BROYDEN_MIXING", f"ALPHA {share}"]))
        if settings.smearing_K is not None:
            width = f"ELECTRONIC_TEMPERATURE [K] {settings.smearing_K:g}"
            lines.append(Block("SMEAR ON", ["METHOD FERMI_DIRAC", width]))
        # No file of orbitals for a frame that is computed once.
        lines.append(Block("PRINT", [Block("RESTART OFF", [])]))
        return Block("SCF", lines)


def _vector(name: str, vector: np.ndarray) -> str:
    return f"{name} " + " ".join(f"{x:.10f}" for x in vector)
