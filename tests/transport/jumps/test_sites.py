"""Sites from crystals turned, strained and shifted, from densities, and who sits on them."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write

from mlipsse.errors import MlipsseError
from mlipsse.md.plan.lammps_frame import LammpsFrame
from mlipsse.resources import resource_dir
from mlipsse.transport.jumps.found_sites import SiteSearch, find_sites
from mlipsse.transport.jumps.given_sites import RunFramework, place_sites, read_crystal_sites
from mlipsse.transport.jumps.sites import Sites, SiteSize, label_kinds, make_sites, site_radius
from mlipsse.transport.jumps.states import NO_SITE, site_states
from mlipsse.transport.structure.vibration import COARSE_SPACING_PS, vibration
from tests.support.trajectories.lattice_walks import cubic_lattice, independent_walk

CIFS = {
    name: resource_dir("examples") / name / f"{file}.cif"
    for name, file in (
        ("li3incl6", "Li3InCl6"),
        ("nasicon", "NaSICON"),
        ("lpsgo", "LPSGO"),
    )
}
ROW = np.array([[0.0, 0, 0], [0.25, 0, 0]])
BOX = np.diag([12.0, 12, 12])
HALF_A = SiteSize(radius_A=0.5)


def test_radius_by_the_rule():
    assert site_radius(ROW, BOX, amplitude_A=0.4) == pytest.approx(0.8)
    assert site_radius(ROW, BOX, amplitude_A=0.9) == pytest.approx(1.5 - 0.005)
    assert site_radius(ROW[:1], np.diag([3.0, 12, 12]), amplitude_A=0.9) == pytest.approx(1.495)
    for fractional, amplitude_A, what in (
        ([[0.0, 0, 0], [0.04, 0, 0]], 0.4, "0.48 Å apart.*Merge them"),
        (ROW, 0.1, "Give the radius"),
    ):
        with pytest.raises(MlipsseError, match=what):
            site_radius(np.array(fractional), BOX, amplitude_A=amplitude_A)


def test_radii_that_are_given():
    sites = make_sites(ROW, BOX, ["A", "B"], SiteSize(radius_A={"A": 0.5, "B": 0.9}))
    assert sites.radius_A.tolist() == [0.5, 0.9]
    assert sites.with_radius(0.7).radius_A.tolist() == [0.7, 0.7]
    with pytest.raises(MlipsseError, match="No radius for sites B"):
        sites.with_radius({"A": 0.5})
    with pytest.raises(MlipsseError, match="below half the cell"):
        sites.with_radius(6.0)
    with pytest.raises(MlipsseError, match="Give the radius"):
        make_sites(ROW, BOX, ["A", "B"], SiteSize())
    with pytest.raises(MlipsseError, match="There are no sites"):
        make_sites(np.zeros((0, 3)), BOX, [], SiteSize(radius_A=1.0))


def test_labels_of_different_orbits_differ():
    assert label_kinds(["a", "a", "b", "a"], [0, 1, 2, 0]) == ("a.1", "a.2", "b", "a.1")


def nearest_by_images(position, sites, fraction=1.0):
    """Nearest site within its radius, by all images."""
    images = np.array(list(itertools.product((-2, -1, 0, 1, 2), repeat=3)))
    inside = position @ np.linalg.inv(sites.cell)
    inside -= np.floor(inside)
    away = (sites.fractional[:, None] + images - inside) @ sites.cell
    distance_A = np.linalg.norm(away, axis=2).min(axis=1)
    distance_A[distance_A > fraction * sites.radius_A] = np.inf
    return int(np.argmin(distance_A)) if np.isfinite(distance_A).any() else NO_SITE


@pytest.mark.parametrize(
    "cell",
    [
        np.diag([9.0, 10.0, 12.0]),
        np.array([[9.0, 0, 0], [4.4, 8.0, 0], [-3.0, 3.5, 9.0]]),
        np.array([[1.0, 7.0, -2.0], [6.0, -1.0, 3.0], [2.0, 3.0, 8.0]]),
    ],
)
def test_states_against_all_images(cell):
    """Overlapping spheres of unequal size, ions many cells away, skewed cells."""
    rng = np.random.default_rng(1)
    labels = [f"s{k}" for k in range(14)]
    radii = dict(zip(labels, rng.uniform(0.5, 2.2, 14), strict=True))
    sites = make_sites(rng.random((14, 3)), cell, labels, SiteSize(radius_A=radii))
    positions = rng.uniform(-40, 40, (30, 20, 3))
    positions[0, :3] = [[0, 0, 0], cell[0], -1e-17 * cell[1]]
    found = site_states(positions, sites, inner_fraction=0.6)
    expected = [nearest_by_images(place, sites) for place in positions.reshape(-1, 3)]
    assert 0.2 < np.mean(np.array(expected) == NO_SITE) < 0.9
    assert found.site.ravel().tolist() == expected
    for place, site, inner in zip(
        positions.reshape(-1, 3), found.site.ravel(), found.inner.ravel(), strict=True
    ):
        if site != NO_SITE:
            alone = Sites(
                sites.fractional[[site]], cell, ("s",), sites.radius_A[[site]], np.zeros(1, bool)
            )
            assert inner == (nearest_by_images(place, alone, 0.6) == 0)


def built_run(name, mobile, repeats, *, strain=0.0, shift_A=(0, 0, 0), seed=0):
    """The crystal as a run holds it: repeated, strained, turned as LAMMPS does, atoms shaken."""
    crystal = read(CIFS[name])
    atoms = crystal.repeat(repeats)
    rng = np.random.default_rng(seed)
    deformed = np.array(atoms.cell) @ (np.eye(3) + strain * rng.uniform(-1, 1, (3, 3)))
    frame = LammpsFrame.of(deformed)
    box = np.linalg.inv(frame.lattice) @ (deformed @ frame.rotation.T)
    places = atoms.get_scaled_positions(wrap=False) @ frame.lattice @ box + shift_A
    is_mobile = np.array(atoms.get_chemical_symbols()) == mobile
    shaken = places[~is_mobile] + rng.normal(0, 0.1, (np.count_nonzero(~is_mobile), 3))
    species = list(itertools.compress(atoms.get_chemical_symbols(), ~is_mobile))
    return RunFramework(box, shaken, species, frame.lattice), places[is_mobile]


def farthest_A(sites, places):
    """Largest distance of a place from its nearest site, and of a site from its nearest place."""
    away = sites.fractional[:, None] - (places @ np.linalg.inv(sites.cell))[None]
    distance_A = np.linalg.norm((away - np.rint(away)) @ sites.cell, axis=2)
    return max(distance_A.min(axis=0).max(), distance_A.min(axis=1).max())


@pytest.mark.parametrize(
    ("name", "mobile", "repeats", "counts"),
    [
        ("li3incl6", "Li", (2, 1, 2), {"Li0/4h": 16, "Li1/4g": 16}),
        ("li3incl6", "Li", (1, 1, 2), {"Li0/4h": 8, "Li1/4g": 8}),
        ("nasicon", "Na", (1, 1, 1), {"Na0/18e": 18, "Na1/6b": 6}),
        ("lpsgo", "Li", (1, 2, 2), {"Li0/8d": 32, "Li1/4b": 16, "Li2/4c": 16}),
    ],
)
@pytest.mark.parametrize("shift_A", [(0.0, 0.0, 0.0), (1.7, -2.9, 3.3)])
def test_crystals_in_the_frame_of_a_run(name, mobile, repeats, counts, shift_A):
    run, places = built_run(name, mobile, repeats, strain=0.01, shift_A=shift_A)
    if repeats == (1, 1, 2):
        assert not np.array_equal(run.lattice, np.eye(3)), "LAMMPS reduces this cell"
    crystal = read_crystal_sites(CIFS[name], mobile=mobile)
    placed = place_sites(crystal, run, SiteSize(amplitude_A=0.3))
    sites = placed.sites
    assert {kind: sites.labels.count(kind) for kind in sites.kinds} == counts
    assert farthest_A(sites, places) < 0.15  # the framework's shaking moves the origin
    assert placed.misfit_A < 0.25
    assert not sites.interstitial.any()


def test_a_primitive_run_of_a_centred_crystal(tmp_path):
    """Its vectors are halves of the file's; so are the numbers of sites."""
    import spglib

    atoms = read(CIFS["li3incl6"])
    cell, scaled, numbers = spglib.find_primitive(
        (np.array(atoms.cell), atoms.get_scaled_positions(), atoms.numbers)
    )
    primitive = Atoms(numbers=numbers, scaled_positions=scaled, cell=cell, pbc=True)
    run = primitive.repeat((2, 2, 2))
    is_mobile = run.numbers == 3
    placed = place_sites(
        read_crystal_sites(CIFS["li3incl6"], mobile="Li"),
        RunFramework(
            np.array(run.cell),
            run.positions[~is_mobile],
            list(itertools.compress(run.get_chemical_symbols(), ~is_mobile)),
        ),
        SiteSize(radius_A=0.8),
    )
    assert len(placed.sites) == np.count_nonzero(is_mobile) == 32
    assert abs(np.linalg.det(placed.supercell)) == pytest.approx(4)
    assert farthest_A(placed.sites, run.positions[is_mobile]) < 0.02


def test_vectors_in_another_order():
    run, places = built_run("lpsgo", "Li", (1, 1, 1))
    turned = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    run = replace(run, cell=turned @ run.lattice @ run.cell, lattice=np.eye(3))
    placed = place_sites(read_crystal_sites(CIFS["lpsgo"], mobile="Li"), run, HALF_A)
    assert farthest_A(placed.sites, places) < 0.1


def test_another_crystal_is_refused():
    run, _ = built_run("li3incl6", "Li", (2, 1, 2))
    with pytest.raises(MlipsseError, match="not a repetition of the cell of NaSICON"):
        place_sites(read_crystal_sites(CIFS["nasicon"], mobile="Na"), run, HALF_A)
    rng = np.random.default_rng(0)
    run = replace(run, positions=rng.uniform(0, 15, run.positions.shape))
    with pytest.raises(MlipsseError, match="framework of the run lies"):
        place_sites(read_crystal_sites(CIFS["li3incl6"], mobile="Li"), run, HALF_A)


def test_files_without_such_sites(tmp_path):
    with pytest.raises(MlipsseError, match="no site of Na"):
        read_crystal_sites(CIFS["li3incl6"], mobile="Na")
    with pytest.raises(MlipsseError, match="There is no CIF at"):
        read_crystal_sites(tmp_path / "none.cif", mobile="Li")
    (tmp_path / "bad.cif").write_text("nothing")
    with pytest.raises(MlipsseError, match="cannot be read"):
        read_crystal_sites(tmp_path / "bad.cif", mobile="Li")


def flat_walk(seed, *, n_frames=4000, n_ions=20):
    """Two kinds of sites in a skewed cell: A is nearly full, B holds few ions."""
    rng = np.random.default_rng(seed)
    repeats = (2, 2, 4)
    fractional, _, neighbours, steps = cubic_lattice(repeats, 1.0)
    cell = np.array([[6.0, 0, 0], [1.5, 6.4, 0], [-1.0, 0.8, 12.8]])
    colour = np.rint(fractional * repeats).sum(axis=1) % 2 == 0
    rates = np.where(colour, 0.01, 0.2)[:, None] * np.ones(6)
    weights = 1 / rates.sum(axis=1)
    starts = rng.choice(len(fractional), n_ions, p=weights / weights.sum())
    moved, _ = independent_walk(
        rng, rates=rates, neighbours=neighbours, steps_A=steps / repeats, starts=starts,
        spacing_ps=0.05, n_frames=n_frames,
    )  # fmt: skip
    positions = (fractional[starts] + moved) @ cell + rng.normal(0, 0.2, moved.shape)
    return positions, fractional, cell, colour


def test_sites_from_the_density():
    positions, fractional, cell, colour = flat_walk(1)
    sites = find_sites(positions, cell, SiteSize(radius_A=1.0))
    assert len(sites) == 16
    assert farthest_A(sites, fractional @ cell) < 0.12
    # 20 ions on 8 A and 8 B, A 20 times as full.
    assert sorted(sites.labels) == sorted([f"h{k}" for k in range(8)] + [f"i{k}" for k in range(8)])
    assert sites.interstitial.tolist() == [label.startswith("i") for label in sites.labels]
    host = sites.fractional[~sites.interstitial]
    away = host[:, None] - fractional[colour]
    apart = np.linalg.norm((away - np.rint(away)) @ cell, axis=2)
    assert apart.min(axis=1).max() < 0.1
    limited = find_sites(
        positions, cell, SiteSize(radius_A=1.0), search=SiteSearch(least_occupancy=0.3)
    )
    assert len(limited) == 8
    assert not limited.interstitial.any()


def test_repeated_cells_are_laid_together():
    positions, fractional, cell, _ = flat_walk(2, n_frames=2500)
    sites = find_sites(
        positions, cell, SiteSize(radius_A=1.0), search=SiteSearch(repeats=(1, 1, 2))
    )
    kinds = {kind: sites.labels.count(kind) for kind in sites.kinds}
    assert kinds == {**{f"h{k}": 2 for k in range(4)}, **{f"i{k}": 2 for k in range(4)}}
    assert farthest_A(sites, fractional @ cell) < 0.2
    for kind in sites.kinds:
        first, second = sites.fractional[[label == kind for label in sites.labels]]
        np.testing.assert_allclose(np.abs(second - first), [0, 0, 0.5], atol=1e-9)


def test_repeats_are_of_the_crystals_own_vectors():
    positions, fractional, cell, _ = flat_walk(3)
    lattice = np.array([[1, 0, 0], [-1, 1, 0], [0, 0, 1]])
    reduced = np.linalg.inv(lattice) @ cell
    sites = find_sites(
        positions,
        reduced,
        SiteSize(radius_A=1.0),
        lattice=lattice,
        search=SiteSearch(repeats=(1, 1, 2)),
    )
    assert len(sites) == 16
    assert farthest_A(sites, fractional @ cell) < 0.15


def test_interstitials_beside_given_sites():
    positions, fractional, cell, colour = flat_walk(4)
    given = make_sites(fractional[colour], cell, ["Li1/8a"] * 8, SiteSize(radius_A=1.0))
    sites = find_sites(positions, cell, SiteSize(radius_A=1.0), known=given)
    assert sites.labels[:8] == ("Li1/8a",) * 8
    assert sorted(sites.labels[8:]) == [f"i{k}" for k in range(8)]
    assert sites.interstitial.tolist() == [False] * 8 + [True] * 8
    np.testing.assert_array_equal(sites.fractional[:8], given.fractional)
    whole = make_sites(fractional, cell, ["x"] * 16, SiteSize(radius_A=1.0))
    assert find_sites(positions, cell, SiteSize(radius_A=1.0), known=whole) is whole


def test_a_gas_has_no_sites():
    rng = np.random.default_rng(5)
    with pytest.raises(MlipsseError, match="flow like a liquid"):
        find_sites(
            rng.uniform(0, 12, (2000, 1, 3)),
            BOX,
            SiteSize(radius_A=0.5),
            search=SiteSearch(least_occupancy=0.05),
        )
    with pytest.raises(MlipsseError, match="Repeats"):
        find_sites(
            rng.uniform(0, 12, (10, 1, 3)),
            BOX,
            SiteSize(radius_A=0.5),
            search=SiteSearch(repeats=(0, 1, 1)),
        )


@pytest.mark.parametrize("start", [0.0, 0.25])
def test_vibration_of_an_oscillator(start):
    """x = A cos: swings of 2 A up and down, once per period from the end of the way.

    Through the centre the distance folds: |sin| has twice the frequency and its overtones.
    """
    spacing_ps, frequency_THz, amplitude_A = 0.005, 5.0, 0.3
    time_ps = np.arange(40_001) * spacing_ps
    positions = np.zeros((len(time_ps), 1, 3))
    positions[:, 0, 0] = amplitude_A * np.cos(2 * np.pi * (frequency_THz * time_ps + start))
    found = vibration(positions, frame_spacing_ps=spacing_ps)
    if start == 0.0:
        assert found.frequency_THz == pytest.approx(frequency_THz, rel=0.01)
        assert found.amplitude_A == pytest.approx(2 * amplitude_A, rel=0.002)
    else:
        assert found.frequency_THz > 2 * frequency_THz
        assert found.amplitude_A == pytest.approx(amplitude_A, rel=0.002)
    assert found.nyquist_THz == pytest.approx(100)
    assert found.caution is None


def test_coarse_frames_are_reported():
    rng = np.random.default_rng(6)
    positions = rng.normal(0, 0.2, (500, 4, 3))
    assert vibration(positions, frame_spacing_ps=COARSE_SPACING_PS).caution is None
    found = vibration(positions, frame_spacing_ps=0.1)
    assert found.nyquist_THz == pytest.approx(5)
    assert "no vibration above 5 THz" in found.caution
    with pytest.raises(MlipsseError, match="at least 4 frames"):
        vibration(positions[:3], frame_spacing_ps=0.1)
    with pytest.raises(MlipsseError, match="No ion moves"):
        vibration(np.zeros((9, 2, 3)), frame_spacing_ps=0.1)


@pytest.mark.parametrize("seed", [0, 2, 3, 4])
def test_a_crystal_that_fits_where_it_is_stays_there(tmp_path: Path, seed: int) -> None:
    """A face-centred framework fits itself in four places, and noise makes any of them the best.

    The Li sites lie otherwise in each of them; those of the file are wanted.
    """
    anions = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    crystal = Atoms(
        "Cl4Li", scaled_positions=[*anions, [0.25, 0.25, 0.25]], cell=[5.0] * 3, pbc=True
    )
    run = crystal.repeat((2, 2, 2))
    rng = np.random.default_rng(seed)
    crystal.positions[:4] += rng.normal(0, 0.005, (4, 3))  # no anion lies exactly so
    write(tmp_path / "x.cif", crystal)
    framework = run.positions[np.array(run.symbols) == "Cl"]
    framework = framework + rng.normal(0, 0.12, framework.shape)
    placed = place_sites(
        read_crystal_sites(tmp_path / "x.cif", mobile="Li"),
        RunFramework(np.array(run.cell), framework, ["Cl"] * len(framework)),
        SiteSize(amplitude_A=0.3),
    )
    assert np.linalg.norm(placed.shift_A) < 0.1
    assert placed.misfit_A < 0.25
