"""DFT labels from CP2K: single points with GTH potentials and MOLOPT bases."""

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from mlipsse.dataset.labels.cp2k.input import input_text
from mlipsse.dataset.labels.cp2k.program import INPUT_FILE, OUTPUT_FILE, require_known_version
from mlipsse.dataset.labels.cp2k.sampling import Sampling, sampling_of
from mlipsse.dataset.labels.cp2k.settings import LIBXC, Cp2kSettings
from mlipsse.dataset.labels.program import Fault
from mlipsse.dataset.labels.sources import CP2K, Label
from mlipsse.errors import MlipsseError


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
        RejectedFrame, MlipsseError
            as `mlipsse.dataset.labels.cp2k.input.input_text`.
        """
        (folder / INPUT_FILE).write_text(
            input_text(atoms, self.settings, attempt=attempt), encoding="utf-8"
        )

    def read(self, atoms: Atoms, folder: Path) -> Label | Fault:
        """The label in `frame.out`; see `mlipsse.dataset.labels.cp2k.output.read_output`."""
        from mlipsse.dataset.labels.cp2k.output import AskedOfCp2k, read_output

        settings, sampling = self.settings, sampling_of(atoms, self.settings)
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

    def notes(self, elements: Iterable[str]) -> Iterator[str]:
        """A sentence where the grid is too coarse for some of the elements."""
        least_Ry = {}
        for element in sorted(set(elements)):
            with suppress(MlipsseError):  # what is missing is a problem, not a note
                cutoff_Ry = self.settings.least_cutoff_Ry(element)
                if cutoff_Ry is not None and cutoff_Ry > self.settings.cutoff_Ry:
                    least_Ry[element] = cutoff_Ry
        if least_Ry:
            each = ", ".join(
                f"{element} {least:.0f}"
                if math.isfinite(least)
                else f"{element}: no cutoff is known"
                for element, least in least_Ry.items()
            )
            yield (
                f"cutoff_Ry: {self.settings.cutoff_Ry:g} is too low for the basis sets of some "
                f"elements with {self.settings.functional}; they need more ({each}). Frames with a "
                "large net force will be rejected. Raise cutoff_Ry, or take another functional or "
                "other basis sets."
            )

    def check_version(self, command: str) -> None:
        """Ask `cp2k --version`, where the command names a CP2K that is found here.

        Raises
        ------
        MlipsseError
            for a version whose layout is not read.
        """
        require_known_version(command)

    def _method(self) -> str:
        """What a label depends on besides functional and cutoff, the same for all frames."""
        named = {*self.settings.bases.values(), *self.settings.potentials.values()}
        own = f" with {', '.join(sorted(named))}" if named else ""
        sampled = (
            "k-points" if self.settings.small_cells == "kpoints" else "Γ of supercells"
        ) + f" to {self.settings.min_length_A:g} Å"
        kinds = f"{self.settings.basis_kind}, {self.settings.potential_kind}"
        return f"{kinds}{own}, {sampled}"
