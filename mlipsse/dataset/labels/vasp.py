"""DFT labels from VASP: inputs of a static calculation, written by pymatgen's input sets."""

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from ase import Atoms
from pydantic import Field, model_validator

from mlipsse.dataset.labels.program import Fault
from mlipsse.dataset.labels.sources import VASP, Label, RejectedFrame
from mlipsse.dataset.labels.vasprun import AskedOfVasp, read_vasprun, species_order
from mlipsse.errors import MlipsseError
from mlipsse.settings import Count, Positive, Settings

Functional = Literal["SCAN", "R2SCAN"]
Algorithm = Literal["Normal", "Fast", "VeryFast", "All", "Damped"]

OUTPUT_FILE = "vasprun.xml"

_CORES = frozenset({"NCORE", "NPAR", "KPAR", "NSIM", "LPLANE", "LSCALAPACK"})
"""Tags that spread the work over cores and change no result."""

_ANOTHER_METHOD = frozenset(
    {"GGA", "LDAU", "LHFCALC", "IVDW", "LUSE_VDW", "PSTRESS", "LEPSILON", "ML_LMLFF"}
)
"""Tags by which the result would be that of another functional, or no static calculation."""


class VaspSettings(Settings):
    """A static calculation with a meta-GGA.

    The basis (680 eV), the projection (LREAL off, LASPH on) and PREC are those of the Materials
    Project's meta-GGA calculations (Kingsbury et al. 2022, doi 10.1103/PhysRevMaterials.6.013801),
    by way of pymatgen's `MPScanStaticSet`; METAGGA is written always, as that set means r2SCAN.
    Smearing is Gaussian: the set's tetrahedra need four k-points, which large cells lack. The
    density of k-points is that of pymatgen's `MPStaticSet`. A retry goes another way to the same
    minimum: ALGO Normal with careful mixing (AMIX 0.1, BMIX 1e-4) after All, All after any other.
    Spin starts from pymatgen's initial moments.

    Raises
    ------
    MlipsseError
        for a tag in `incar` that the settings decide, or that would make it another method; as
        `Settings`.
    """

    functional: Functional = "SCAN"
    """Exchange-correlation functional (METAGGA)."""
    encut_eV: Positive = 680.0
    """Plane-wave cutoff (ENCUT) in eV."""
    ediff_eV: Positive = 1e-06
    """Electronic convergence (EDIFF) in eV per cell."""
    ismear: Literal[-5, -1, 0, 1, 2] = 0
    """Kind of smearing (ISMEAR): 0 is Gaussian, -1 is Fermi."""
    sigma_eV: Positive = 0.05
    """Smearing width (SIGMA) in eV."""
    kpoint_density_A3: Positive = 100.0
    """Density of the Γ-centred k-point mesh: k-points per Å⁻³ of the reciprocal cell, with its
    factor 2π."""
    kspacing_1_A: Positive | None = None
    """Spacing of the k-point mesh (KSPACING) in Å⁻¹, with its factor 2π. Replaces
    kpoint_density_A3."""
    spin: bool = False
    """Compute spin-polarised (ISPIN 2)."""
    nelm: Count = 200
    """Maximum number of electronic steps (NELM). A retry doubles it."""
    algo: Algorithm = "All"
    """Electronic minimisation (ALGO). A retry changes All to Normal with careful mixing, and any
    other to All."""
    potcar_functional: Literal["PBE_52", "PBE_54", "PBE_64"] = "PBE_54"
    """Release of the POTCAR files, by the name that pymatgen gives it."""
    potcars: dict[str, str] = Field(default_factory=dict)
    """Element -> POTCAR, where pymatgen's choice does not fit, e.g. Y: Y_sv."""
    write_potcar: bool = True
    """Write POTCAR files from your library. With false, write POTCAR.spec files that name them, for
    inputs that another machine completes."""
    incar: dict[str, bool | int | float | str] = Field(default_factory=dict)
    """Further INCAR tags, e.g. NCORE: 4."""

    @model_validator(mode="after")
    def _tags_are_free(self) -> Self:
        decided = _ANOTHER_METHOD | set(self.tags(attempt=1))
        ours = sorted(tag for tag in self.incar if tag.upper() in decided)
        if ours:
            raise ValueError(
                f"The INCAR tag {ours[0]} is reserved: other settings of VASP determine it. "
                "Remove it from incar."
            )
        return self

    def tags(self, *, attempt: int) -> dict[str, Any]:
        """INCAR tags that differ from pymatgen's set or must not follow it; None leaves one out."""
        algo, mixing = self.algo, {}
        if attempt and self.algo == "All":
            algo, mixing = "Normal", {"AMIX": 0.1, "BMIX": 1e-4}
        elif attempt:
            algo = "All"
        return {
            "METAGGA": self.functional,
            "LASPH": True,
            "LMIXTAU": True,
            "ALGO": algo,
            "NELM": self.nelm * 2**attempt,
            **mixing,
            "ENCUT": self.encut_eV,
            "EDIFF": self.ediff_eV,
            "PREC": "Accurate",
            "LREAL": False,
            "ISMEAR": self.ismear,
            "SIGMA": self.sigma_eV,
            "KSPACING": self.kspacing_1_A,
            "ISPIN": 2 if self.spin else 1,
            "NSW": 0,
            "IBRION": -1,
            "ISIF": 2,  # ions and cell stay, and the stress is computed
            "LWAVE": False,
            "LCHARG": False,
            "LAECHG": False,
            "LELF": False,
            "LVTOT": False,
            "LVHAR": False,
            "LORBIT": None,
        }


@dataclass(frozen=True)
class Vasp:
    """A `mlipsse.dataset.labels.program.Program`: SCAN single points in VASP.

    Attributes
    ----------
    settings : of the inputs
    """

    settings: VaspSettings

    @property
    def name(self) -> str:
        """As the config writes it."""
        return VASP

    @property
    def description(self) -> str:
        """Functional and program; labels state VASP's version as well."""
        return f"{self.settings.functional} (VASP)"

    @property
    def output_file(self) -> str:
        """VASP's XML output."""
        return OUTPUT_FILE

    def decisive(self, elements: Iterable[str]) -> dict[str, Any]:
        """Settings without those that lead to the same minimum, and digests of the POTCARs.

        Inputs without POTCAR have none: what completes them elsewhere is not known here.
        """
        values = self.settings.model_dump()
        for key in ("nelm", "algo", "write_potcar"):
            del values[key]
        values["incar"] = {k: v for k, v in values["incar"].items() if k.upper() not in _CORES}
        return {**values, "potcars": self._potcar_digests(elements) or values["potcars"]}

    def prepare(self, atoms: Atoms, folder: Path, *, attempt: int) -> None:
        """Write INCAR, KPOINTS (without `kspacing_1_A`), POSCAR, and POTCAR or POTCAR.spec.

        Atoms are sorted by species, as VASP wants them; `read` gives forces in the frame's order.

        Raises
        ------
        RejectedFrame
            when the frame has no cell.
        MlipsseError
            when the library of POTCARs, or one in it, is missing.
        """
        inputs = self._input_set(sorted_structure(atoms), attempt=attempt)
        with warnings.catch_warnings():
            _hush()
            if self.settings.write_potcar:
                self._checked_potcars(inputs.potcar_symbols)
            inputs.write_input(str(folder), potcar_spec=not self.settings.write_potcar)

    def read(self, atoms: Atoms, folder: Path) -> Label | Fault:
        """The label in `vasprun.xml`; see `mlipsse.dataset.labels.vasprun.read_vasprun`."""
        settings = self.settings
        inputs = self._input_set(sorted_structure(atoms), attempt=0)
        # With tetrahedra there is no smearing of this width.
        smearing = {} if settings.ismear == -5 else {"SIGMA": settings.sigma_eV}
        given: dict[str, Any] = {tag.upper(): value for tag, value in settings.incar.items()}
        return read_vasprun(
            folder / OUTPUT_FILE,
            atoms,
            AskedOfVasp(
                functional=settings.functional,
                parameters={
                    "ENMAX": settings.encut_eV,
                    "ISMEAR": settings.ismear,
                    **smearing,
                    "ISPIN": 2 if settings.spin else 1,
                    "EDIFF": settings.ediff_eV,
                    "PREC": "Accurate",
                    "LASPH": True,
                    "LREAL": False,
                },
                divisions=self._divisions(atoms, inputs),
                potcars=inputs.potcar_symbols,
                electrons=given.get("NELECT"),
            ),
        )

    def _divisions(self, atoms: Atoms, inputs: Any) -> tuple[int, int, int]:
        """Divisions of the k-point mesh, from KPOINTS or made by VASP from KSPACING."""
        if self.settings.kspacing_1_A is None:
            a, b, c = (int(n) for n in inputs.kpoints.kpts[0])
            return a, b, c
        lengths_1_A = 2 * np.pi * np.linalg.norm(atoms.cell.reciprocal()[:], axis=1)
        a, b, c = (
            max(1, math.ceil(length / self.settings.kspacing_1_A - 1e-9)) for length in lengths_1_A
        )
        return a, b, c

    def notes(self, elements: Iterable[str]) -> Iterable[str]:
        """No sentences: nothing of VASP's settings is judged before it runs."""
        return ()

    def check_version(self, command: str) -> None:
        """VASP has no option that prints its version."""

    def check(self, elements: Iterable[str]) -> None:
        """Look for the POTCARs of all elements.

        Raises
        ------
        MlipsseError
            when the library, or one in it, is missing or lacks what a meta-GGA needs.
        """
        self._potcar_digests(elements)

    def _potcar_digests(self, elements: Iterable[str]) -> dict[str, str]:
        """Name of each element's POTCAR -> SHA-256 of it; empty when none is written."""
        if not self.settings.write_potcar:
            return {}
        from pymatgen.core import Lattice, Structure

        symbols = sorted(set(elements))
        points = [[index / len(symbols), 0, 0] for index in range(len(symbols))]
        structure = Structure(Lattice.cubic(5.0 * len(symbols)), symbols, points)
        with warnings.catch_warnings():
            _hush()
            return self._checked_potcars(self._input_set(structure, attempt=0).potcar_symbols)

    def _input_set(self, structure: Any, *, attempt: int) -> Any:
        from pymatgen.io.vasp.sets import MPScanStaticSet

        settings = self.settings
        density = {"reciprocal_density": settings.kpoint_density_A3}
        with warnings.catch_warnings():
            _hush()
            return MPScanStaticSet(
                structure,
                user_incar_settings={**settings.incar, **settings.tags(attempt=attempt)},
                user_kpoints_settings={} if settings.kspacing_1_A else density,
                user_potcar_functional=settings.potcar_functional,
                user_potcar_settings=dict(settings.potcars),
                force_gamma=True,
                sort_structure=False,
                auto_kspacing=False,
                auto_ismear=False,
            )

    def _checked_potcars(self, symbols: Iterable[str]) -> dict[str, str]:
        """Name of each POTCAR -> SHA-256 of it."""
        from pymatgen.io.vasp.inputs import PotcarSingle

        digests = {}
        functional = self.settings.potcar_functional
        for symbol in symbols:
            try:
                potcar = PotcarSingle.from_symbol_and_functional(symbol, functional)
            except (OSError, ValueError, KeyError) as error:
                raise MlipsseError(
                    f"VASP needs the POTCAR {symbol} of {functional}, which was not found or "
                    f"cannot be read ({' '.join(str(error).split())}). Set PMG_VASP_PSP_DIR, in "
                    "the environment or in ~/.config/.pmgrc.yaml, to your library, laid out as "
                    "`pmg config -p` does; or set write_potcar: false to write inputs without "
                    "POTCAR."
                ) from error
            # VASP computes a meta-GGA with these POTCARs as well, and wrongly.
            if "kinetic energy-density" not in potcar.data:
                raise MlipsseError(
                    f"The POTCAR {symbol} of {functional} contains no kinetic energy density of "
                    f"the core, which {self.settings.functional} requires. Use a newer library "
                    "(PBE_52, PBE_54, PBE_64)."
                )
            digests[symbol] = sha256(potcar.data.encode()).hexdigest()
        return digests


def sorted_structure(atoms: Atoms) -> Any:
    """A pymatgen Structure of `atoms` in `species_order`.

    Raises
    ------
    RejectedFrame
        when there is no cell.
    """
    from pymatgen.core import Structure

    if atoms.cell.rank < 3:
        raise RejectedFrame(
            f"{atoms.get_chemical_formula()} does not have three cell vectors. Add a cell."
        )
    ordered = atoms[species_order(atoms)]
    scaled = ordered.get_scaled_positions(wrap=False)
    return Structure(ordered.cell[:], ordered.get_chemical_symbols(), scaled)


def _hush() -> None:
    """Silence pymatgen's advice against settings that are asked for here."""
    from pymatgen.io.vasp.inputs import UnknownPotcarWarning
    from pymatgen.io.vasp.sets import BadInputSetWarning

    for category in (BadInputSetWarning, UnknownPotcarWarning):
        warnings.simplefilter("ignore", category)
