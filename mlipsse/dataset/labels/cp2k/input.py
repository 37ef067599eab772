"""CP2K's input of a single point."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse.dataset.labels.cp2k.grid import grid_levels
from mlipsse.dataset.labels.cp2k.sampling import Sampling, sampling_of
from mlipsse.dataset.labels.cp2k.settings import LIBXC, Cp2kSettings
from mlipsse.dataset.labels.sources import RejectedFrame


@dataclass(frozen=True)
class Block:
    """A section of CP2K's input.

    Attributes
    ----------
    title : its keyword, with a parameter where it takes one
    lines : keywords and further sections
    """

    title: str
    lines: "Sequence[str | Block]"

    def text(self, depth: int = 0) -> str:
        """As the file has it, each level two blanks deeper."""
        blank = "  " * depth
        inside = "".join(
            line.text(depth + 1) if isinstance(line, Block) else f"{blank}  {line}\n"
            for line in self.lines
        )
        return f"{blank}&{self.title}\n{inside}{blank}&END {self.title.split()[0]}\n"


def input_text(atoms: Atoms, settings: Cp2kSettings, *, attempt: int) -> str:
    """`frame.inp` of a single point.

    Raises
    ------
    RejectedFrame
        when the frame has no cell, or an odd number of electrons without spin.
    MlipsseError
        when a data file, or an element in it, is missing.
    """
    sampling = sampling_of(atoms, settings)
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
            _dft(settings, sampling, electrons * sampling.copies, attempt=attempt),
            Block("SUBSYS", subsys),
        ],
    )
    project = ["PROJECT frame", "RUN_TYPE ENERGY_FORCE", "PRINT_LEVEL MEDIUM"]
    return f"{Block('GLOBAL', project).text()}{force_eval.text()}"


def _dft(settings: Cp2kSettings, sampling: Sampling, electrons: int, *, attempt: int) -> Block:
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
        _scf(settings, sampling, electrons, attempt=attempt),
    ]
    if not sampling.at_gamma:
        mesh = " ".join(map(str, sampling.divisions))
        lines.append(Block("KPOINTS", [f"SCHEME MONKHORST-PACK {mesh}"]))
    functional = Block("XC_FUNCTIONAL", [Block(part, []) for part in LIBXC[settings.functional]])
    return Block("DFT", [*lines, Block("XC", [functional])])


def _scf(settings: Cp2kSettings, sampling: Sampling, electrons: int, *, attempt: int) -> Block:
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
