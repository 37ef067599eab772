"""Energies of many structures with a potential by name, relaxed or as they stand."""

from collections.abc import Sequence

from ase import Atoms

from mlipsse.energetics.potentials.calculators import (
    check_species,
    make_calculator,
    require_species,
)
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.potentials.loaded_mace import elements, load_mace
from mlipsse.energetics.relaxation.outcome import Relaxation, RelaxationSettings

BATCH_ATOMS = 200
"""Atoms in a batch on a CPU: twice as many are no faster per atom (benchmarks/README.md)."""


def relax_all(
    structures: Sequence[Atoms],
    potential: str,
    settings: RelaxationSettings = RelaxationSettings(),  # noqa: B008
    *,
    device: str = "cpu",
    head: str | None = None,
) -> list[Relaxation]:
    """Relax structures, or evaluate them as they stand: MACE in batches, others one by one.

    Parameters
    ----------
    structures : periodic in all directions; not changed
    potential, device, head : as in `make_calculator`

    Returns
    -------
    list of Relaxation
        in the order of `structures`; what went wrong is in them, not raised

    Raises
    ------
    MlipsseError
        when the potential cannot be had or does not know an element of the structures.

    Examples
    --------
    >>> from ase.build import bulk
    >>> crystal = bulk("LiCl", "rocksalt", a=5.0)
    >>> relaxed, = relax_all([crystal], "mace-sse-small", RelaxationSettings(fmax_eV_A=0.01))
    >>> relaxed.converged
    True
    """
    found = find_potential(potential)
    species = {symbol for atoms in structures for symbol in atoms.symbols}
    if not found.in_batches:
        from mlipsse.energetics.relaxation.single import relax

        check_species(potential, species)
        calculator = make_calculator(potential, device=device, head=head)
        return [relax(atoms, calculator, settings) for atoms in structures]
    mace = load_mace(found, device=device, head=head)
    require_species(potential, elements(mace.model), species)
    from mlipsse.energetics.relaxation.batches import relax_in_batches

    return relax_in_batches(structures, mace, settings, batch_atoms=BATCH_ATOMS)
