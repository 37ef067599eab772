"""Settings of a single point in CP2K."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from mlipsse.dataset.labels.cp2k.data import (
    Kind,
    choose_kind,
    entries,
    find_data_dir,
    largest_exponent,
)
from mlipsse.dataset.labels.cp2k.grid import cutoff_for_exponent_Ry
from mlipsse.settings import Count, Positive, Settings

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

    Meta-GGAs need fine grids. Between 600 and 1200 Ry forces of halides differ by 12 meV/Å, those
    on Y by 37; at 1200 Ry net forces show an error of 3. The basis sets of Na with nine electrons
    are too sharp for SCAN (NaCl: 0.26 eV/Å at 900 Ry, 0.04 at 2700).

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
    max_force_noise_eV_A: Positive = 0.03
    """Largest accepted error of the forces in eV/Å, estimated from the net force of a frame. Frames
    above it are rejected. Existing labels are kept."""
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
            as `mlipsse.dataset.labels.cp2k.data`.
        """
        folder = find_data_dir(self.data_dir)
        return choose_kind(
            element,
            basis_file=self._basis_path,
            potential_file=folder / self.potential_file,
            basis=self.bases.get(element, self.basis_kind),
            potential=self.potentials.get(element, self.potential_kind),
        )

    def least_cutoff_Ry(self, element: str) -> float | None:
        """Least cutoff for the element's basis set, see `mlipsse.dataset.labels.cp2k.grid`; None
        where the set is in another format.

        Raises
        ------
        MlipsseError
            as `kind`.
        """
        basis = self.kind(element).basis
        exponent = largest_exponent(entries(self._basis_path)[element][basis])
        return None if exponent is None else cutoff_for_exponent_Ry(self.functional, exponent)

    @property
    def _basis_path(self) -> Path:
        return find_data_dir(self.data_dir) / self.basis_file
