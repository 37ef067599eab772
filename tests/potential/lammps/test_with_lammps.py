"""pair_style mace together with the rest of LAMMPS that people use it with."""

import numpy as np
import pytest
from ase import Atoms

from tests.support.potential.lammps_deck import BRICK, PAIR, TILTED
from tests.support.potential.tiny_potential import ELEMENTS

HYBRID = (
    "pair_style hybrid/overlay mace {words} zbl 1.0 2.5\n"
    'pair_coeff * * mace "{model}" ' + " ".join(ELEMENTS) + "\n"
    "pair_coeff * * zbl 0 0\n"
    "pair_coeff 1 1 zbl 3 3\npair_coeff 1 2 zbl 3 17\npair_coeff 2 2 zbl 17 17"
)
ZBL = HYBRID.splitlines()
ONLY_ZBL = "pair_style zbl 1.0 2.5\npair_coeff * * 0 0\n" + "\n".join(
    line.replace(" zbl", "") for line in ZBL[3:]
)


@pytest.mark.parametrize("ranks", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_overlay_is_the_sum_of_its_parts(deck, ranks):
    together = deck.run(BRICK, ranks=ranks, pair=HYBRID)
    mace = deck.run(BRICK)
    zbl = deck.run(BRICK, pair=ONLY_ZBL)
    assert zbl[0][0] > 1e-3, "nothing to add"
    np.testing.assert_allclose(together[0][0], mace[0][0] + zbl[0][0], atol=1e-8)
    np.testing.assert_allclose(together[1][:, 3:], mace[1][:, 3:] + zbl[1][:, 3:], atol=1e-6)


def test_a_type_left_to_another_style(deck):
    """NULL in a hybrid: MACE sees a crystal without those atoms."""
    pair = (
        'pair_style hybrid mace lj/cut 4.0\npair_coeff * * mace "{model}" Li Cl Y NULL\n'
        "pair_coeff *3 4 lj/cut 0.0 2.0\npair_coeff 4 4 lj/cut 0.0 2.0"
    )
    kept = [atom.symbol != "In" for atom in BRICK]
    _, mixed = deck.run(BRICK, pair=pair)
    _, alone = deck.run(BRICK[kept])
    np.testing.assert_allclose(mixed[kept, 3:], alone[:, 3:], atol=1e-8)
    assert np.abs(mixed[np.logical_not(kept), 3:6]).max() == 0


@pytest.mark.parametrize("ranks", [pytest.param(1, marks=pytest.mark.slow), 2])
@pytest.mark.parametrize(
    "run",
    [
        pytest.param("min_style cg\nminimize 0 1e-3 20 100", marks=pytest.mark.slow),
        pytest.param(
            "fix 1 all box/relax tri 0.0 vmax 0.001\nmin_style cg\nminimize 0 1e-3 20 100",
            marks=pytest.mark.slow,
        ),
        "velocity all create 500 7 loop geom\nfix 1 all npt temp 500 500 0.1 tri 0 0 1\n"
        "timestep 0.001\nrun 20",
    ],
    ids=["minimize", "box/relax", "npt"],
)
def test_fixes(deck, run, ranks):
    """The same on two ranks as on one; one rank against its own start."""
    end = deck.run(TILTED, ranks=ranks, run=run)
    if "minimize" in run:
        begin = deck.run(TILTED)
        assert end[0][0] < begin[0][0] - 0.1
    if ranks > 1:
        one = deck.run(TILTED, run=run)
        assert end[0][0] == pytest.approx(one[0][0], abs=1e-5)
        assert end[0][7] == pytest.approx(one[0][7], rel=1e-6)


def test_rerun(deck):
    """Energies of a rerun are those of the run."""
    run = (
        "velocity all create 800 7 loop geom\nfix 1 all nve\ntimestep 0.001\n"
        "dump 1 all custom 5 t.dump id type x y z ix iy iz\n"
        "dump_modify 1 sort id format float %.17g\nvariable e equal pe\n"
        'fix 2 all print 5 "${e}" file first.txt screen no\nrun 20\nundump 1\nunfix 2\n'
        'fix 3 all print 5 "${e}" file again.txt screen no\n'
        "rerun t.dump dump x y z ix iy iz box yes"
    )
    status, screen, folder = deck.attempt(BRICK, run=run)
    assert status == 0, screen
    first, again = (np.loadtxt(folder / f"{name}.txt") for name in ("first", "again"))
    assert np.ptp(first) > 1e-2, "nothing happened"
    np.testing.assert_allclose(again, first[: len(again)], atol=1e-7)
    assert len(again) >= 4


def test_restart_needs_the_commands_again(deck):
    run = (
        "velocity all create 800 7 loop geom\nfix 1 all nve\ntimestep 0.001\nrun 10\n"
        "write_restart half\nrun 10\nvariable whole equal pe\n"
        'variable kept string "$(v_whole:%.12g)"\nclear\n'
        "atom_modify map yes\nread_restart half\n{again}\nfix 1 all nve\ntimestep 0.001\n"
        "compute energy all pe/atom\ncompute stress all stress/atom NULL virial\n"
        'run 10\nprint "difference $(pe-v_kept:%.6g)"'
    )
    pair = PAIR.format(model=deck.model, words="")
    status, screen, _ = deck.attempt(BRICK, run=run.format(again=pair))
    assert status == 0, screen
    difference = next(line for line in screen.splitlines() if line.startswith("difference"))
    assert abs(float(difference.split()[1])) < 1e-8
    status, screen, _ = deck.attempt(BRICK, run=run.format(again=""))
    assert status != 0
    assert "ERROR" in screen


def test_two_dimensions(deck):
    """A flat lattice feels the same in a 2D run as in a cell too high for images to matter."""
    flat = Atoms("Li2Cl2", positions=[(0, 0, 0), (3, 0, 0), (0, 3, 0), (3.2, 3.1, 0)])
    flat.positions[:, :2] += 0.3
    flat.set_cell(np.diag([6.0, 6.5, 40.0]))
    flat.info["zlo"] = -20.0
    _, three = deck.run(flat)
    flat.set_cell(np.diag([6.0, 6.5, 1.0]))
    flat.info["zlo"] = -0.5
    _, two = deck.run(flat, before="dimension 2")
    assert np.abs(three[:, 3:5]).max() > 0.1, "a comparison of nothing with nothing"
    np.testing.assert_allclose(two[:, 3:5], three[:, 3:5], atol=1e-8)
