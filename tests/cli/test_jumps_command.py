"""`mlipsse transport jumps` as scripts and people call it."""

import json
import sys
from collections import Counter

import numpy as np
import pytest
from ase.io import read, write

from mlipsse.cli import main
from tests.support.trajectories.lattice_walks import framed_walk


@pytest.fixture
def invoke(monkeypatch, capsys):
    """Status, out, err."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["mlipsse", "transport", "jumps", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def run_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walk")
    cif, frames, kinds = framed_walk(0)
    (folder / "walk.cif").write_text(cif)
    write(folder / "walk.traj", frames)
    return folder / "walk.traj", folder / "walk.cif", kinds


def true_counts(kinds):
    frame, ion = np.nonzero(kinds[1:] != kinds[:-1])
    ends = zip(kinds[frame, ion], kinds[frame + 1, ion], strict=True)
    return Counter((f"Li{a + 1}", f"Li{b + 1}") for a, b in ends)


def test_sites_of_a_crystal(run_files, tmp_path, invoke):
    trajectory, cif, kinds = run_files
    status, text, error = invoke(
        trajectory, "--mobile", "Li", "--temperature", 800, "--sites", cif,
        "--frame-spacing", 0.05, "--out", tmp_path / "out", "--json",
    )  # fmt: skip
    assert (status, error) == (0, "")
    found = json.loads(text)
    expected = true_counts(kinds)
    assert sum(expected.values()) > 50
    # A jump there and back within one frame is of one kind to itself; kinds alternate otherwise.
    counts = {
        (one["origin"].split("/")[0], one["destination"].split("/")[0]): one["n_jumps"]
        for one in found["rates"]
        if one["origin"] != one["destination"]
    }
    assert counts == expected
    assert found["n_sites"] == 64
    assert found["framework_misfit_A"] < 0.05
    assert found["framework_shift_A"] < 0.05
    assert found["time_on_sites"] > 0.999
    shares = {one["label"].split("/")[0]: one["share"] for one in found["occupancies"]}
    for kind, name in enumerate(("Li1", "Li2")):
        assert shares[name] == pytest.approx(np.mean(kinds == kind), abs=0.002)
    assert all(one["activation_energy_eV"] > 0.1 for one in found["rates"])
    assert found["jump_diffusivity_cm2_s"] == pytest.approx(
        found["n_jumps"] * 9 / (6 * 8 * found["duration_ps"]) * 1e-4, rel=0.05
    )
    assert 0 < found["solo_fraction"] <= 1
    assert len(found["files"]) == 5

    rows = (tmp_path / "out" / "jumps.csv").read_text().splitlines()
    assert rows[0] == "atom,from,to,from_label,to_label,start_ps,arrival_ps,stay_ps,distance_A"
    assert len(rows) == found["n_jumps"] + 1
    first = rows[1].split(",")
    assert 64 <= int(first[0]) < 72, "the atom's index in the trajectory"
    assert float(first[8]) == pytest.approx(3.0, abs=1e-3)
    sites = (tmp_path / "out" / "sites.csv").read_text().splitlines()
    assert len(sites) == 65
    total = sum(float(row.split(",")[-1]) for row in sites[1:])
    assert total == pytest.approx(8 * found["time_on_sites"], rel=1e-4)
    atoms = read(tmp_path / "out" / "sites.extxyz")
    assert atoms.get_chemical_formula() == "Cl64Li64"
    assert atoms.arrays["occupancy"][64:].sum() == pytest.approx(total, rel=1e-4)
    assert set(atoms.arrays["site_label"][64:]) == {one["label"] for one in found["occupancies"]}


def test_sites_of_the_density_in_words(run_files, tmp_path, invoke):
    trajectory, _, _ = run_files
    status, text, error = invoke(
        trajectory, "--mobile", "Li", "--repeats", "2x2x2", "--minimal-residence", 3,
        "--least-occupancy", 0.01, "--interstitial-occupancy", 0.1,
        "--frame-spacing", 0.05, "--out", tmp_path,
    )  # fmt: skip
    assert (status, error) == (0, "")
    for part in ("jumps of 8 Li in 200 ps", "D_J =", "solo jumps", "attempt frequency"):
        assert part in text
    assert "Caution: no activation energies" in text
    sites = (tmp_path / "sites.csv").read_text().splitlines()[1:]
    labels = Counter(row.split(",")[1] for row in sites)
    assert len(sites) == 64
    assert set(labels.values()) == {8}
    assert "(interstitial)" in text
    for label in labels:
        filled = np.mean([float(r.split(",")[-1]) for r in sites if r.split(",")[1] == label])
        assert (filled < 0.1) == label.startswith("i")
    names = sorted(item.name for item in tmp_path.iterdir())
    assert names == ["jumps.csv", "jumps.png", "jumps.svg", "sites.csv", "sites.extxyz"]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--mobile", "Na"], "The trajectory contains no Na"),
        (["--mobile", "Li", "--interstitials"], "--interstitials requires --sites"),
        (
            ["--mobile", "Li", "--repeats", "2,x"],
            "write e.g. --repeats 2x2x2",
        ),
        (["--mobile", "Li", "--minimal-residence", "0"], "--minimal-residence"),
        (["--mobile", "Li", "--sites", "none.cif"], "There is no CIF at none.cif"),
    ],
)
def test_errors_in_a_sentence(run_files, tmp_path, invoke, options, what):
    status, _, error = invoke(
        run_files[0], *options, "--frame-spacing", 0.05, "--out", tmp_path / "out"
    )
    assert status == 2
    assert what in error
    assert not (tmp_path / "out").exists()


def test_a_trajectory_larger_than_the_memory(run_files, tmp_path, invoke, monkeypatch):
    """The mobile ions alone are loaded from the cache, to the same answer."""
    trajectory, cif, _ = run_files
    monkeypatch.setattr("mlipsse.transport.ReadOptions.memory_GB", 1e-6)
    answers = []
    for more in ((), ("--cache", tmp_path / "cache"), ("--cache", tmp_path / "cache")):
        status, text, error = invoke(
            trajectory, "--mobile", "Li", "--temperature", 800, "--sites", cif,
            "--frame-spacing", 0.05, "--out", tmp_path / "out", "--json", *more,
        )  # fmt: skip
        assert (status, error) == (0, "")
        answers.append(json.loads(text))
    assert answers[0] == answers[1] == answers[2]
