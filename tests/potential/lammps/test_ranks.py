"""pair_style mace under domain decomposition: every number as on one rank, whatever the cut."""

import numpy as np
import pytest
from ase import Atoms

from tests.support.potential.lammps_deck import BRICK, SMALL, TILTED


def clustered() -> Atoms:
    """All atoms in one corner of an open box: most ranks own nothing."""
    atoms = BRICK.copy()
    atoms.set_cell(np.diag([30.0, 31.0, 32.0]))
    return atoms


def assert_equal(one, several, *, tolerance=1e-8):
    np.testing.assert_allclose(several[0][0], one[0][0], rtol=0, atol=tolerance)
    # bar; 1e-6 eV/Å³ are 1.6 bar
    np.testing.assert_allclose(several[0][1:], one[0][1:], rtol=1e-9, atol=1e-2)
    np.testing.assert_allclose(several[1][:, 3:6], one[1][:, 3:6], rtol=0, atol=tolerance)
    np.testing.assert_allclose(several[1][:, 6], one[1][:, 6], rtol=0, atol=tolerance)
    np.testing.assert_allclose(several[1][:, 7:], one[1][:, 7:], rtol=1e-9, atol=1e-1)


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


# A slice of the brick in four is 2 Å thick, and ghosts reach 13 Å: over six neighbours.
@pytest.mark.parametrize(
    ("atoms", "ranks", "before"),
    [
        slow(BRICK, 2, ""),
        (BRICK, 4, "processors 4 1 1"),
        slow(BRICK, 4, "processors 2 2 1"),
        slow(TILTED, 2, ""),
        slow(TILTED, 4, "processors 1 1 4"),
        (SMALL, 2, ""),
        slow(BRICK, 2, "boundary p p f"),
        slow(BRICK, 4, "boundary s p f"),
        (clustered(), 4, "boundary f f f"),
        slow(clustered(), 4, ""),
    ],
    ids=lambda value: value if not isinstance(value, Atoms) else str(len(value)),
)
def test_same_on_several_ranks(deck, atoms, ranks, before):
    one = deck.run(atoms, ranks=1, before="" if "processors" in before else before)
    several = deck.run(atoms, ranks=ranks, before=before)
    assert np.abs(one[1][:, 3:6]).max() > 0.5, "a comparison of nothing with nothing"
    assert_equal(one, several)


def test_files_of_upstream_too(deck, tmp_path, upstream):
    deck.model = upstream
    one, two = (deck.run(BRICK, ranks=ranks, stress="") for ranks in (1, 2))
    assert_equal(one, two)


def test_atoms_sum_to_the_whole(deck):
    totals, rows = deck.run(TILTED, ranks=2)
    assert rows[:, 6].sum() == pytest.approx(totals[0], abs=1e-9)
    xx, yy, zz, xy, xz, yz = rows[:, 7:].sum(axis=0)
    pressures = np.array([xx, yy, zz, xy, xz, yz]) / -totals[7]
    np.testing.assert_allclose(pressures, totals[1:7], rtol=1e-9, atol=1e-2)


def test_dynamics_with_atoms_that_change_ranks(deck):
    """Hot atoms in thin slices: they leave and enter, and lists are rebuilt."""
    run = (
        "velocity all create 3000 7 loop geom\nfix 1 all nve\ntimestep 0.001\n"
        "neighbor 0.5 bin\nrun 60"
    )
    one = deck.run(BRICK, ranks=1, run=run)
    four = deck.run(BRICK, ranks=4, before="processors 4 1 1", run=run)
    np.testing.assert_allclose(four[1][:, 3:6], one[1][:, 3:6], rtol=0, atol=1e-6)
    np.testing.assert_allclose(four[0], one[0], rtol=1e-8, atol=1e-1)
    moved_A = (one[1][:, :3] - BRICK.positions + 4) % BRICK.cell.lengths() - 4
    assert np.abs(moved_A).max() > 1.0, "nothing moved"
