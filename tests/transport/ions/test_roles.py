"""Which elements move and which stay, as the library and the command line take it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.transport import RunKind, Trajectory, analyse_trajectory
from mlipsse.transport.ions.roles import Roles, assign_roles

SPECIES = ("Li",) * 16 + ("Na",) * 16 + ("Cl",) * 32


def two_conductors():
    """Li and Na walk at D = 4.5e-5 and 1.8e-4 cm²/s between still Cl."""
    rng = np.random.default_rng(3)
    lithium = np.cumsum(rng.normal(0, 0.3, (800, 16, 3)), axis=0)
    sodium = np.cumsum(rng.normal(0, 0.6, (800, 16, 3)), axis=0)
    chlorine = rng.normal(0, 0.2, (800, 32, 3))
    places = np.random.default_rng(4).uniform(0, 18, (64, 3))
    positions = np.concatenate([lithium, sodium, chlorine], axis=1) + places
    return Trajectory(positions, SPECIES, np.eye(3) * 18.0, 0.1, 700.0)


@pytest.fixture
def dump(tmp_path):
    found = two_conductors()
    path = tmp_path / "run.lammpstrj"
    with path.open("w") as stream:
        for step, frame in enumerate(found.positions):
            stream.write(f"ITEM: TIMESTEP\n{100 * step}\nITEM: NUMBER OF ATOMS\n{len(SPECIES)}\n")
            stream.write("ITEM: BOX BOUNDS pp pp pp\n" + "0 18\n" * 3)
            stream.write("ITEM: ATOMS id element xu yu zu\n")
            for number, (symbol, (x, y, z)) in enumerate(zip(SPECIES, frame, strict=True), 1):
                stream.write(f"{number} {symbol} {x:.4f} {y:.4f} {z:.4f}\n")
    return path


@pytest.mark.parametrize(
    ("mobile", "framework", "expected"),
    [
        ("Li", None, Roles("Li", (), ("Na", "Cl"))),
        (["Na", "Li"], None, Roles("Na", ("Li",), ("Cl",))),
        ("Li", ["Cl"], Roles("Li", ("Na",), ("Cl",))),
    ],
)
def test_roles(mobile, framework, expected):
    assert assign_roles(SPECIES, mobile, framework) == expected


@pytest.mark.parametrize(
    ("mobile", "framework", "stated"),
    [
        ("K", None, "contains no K"),
        ("Li", ["S"], "contains no S"),
        (["Li", "Li"], None, "each only once"),
        ([], None, "at least one"),
        ("Li", ["Li", "Cl"], "cannot be both"),
    ],
)
def test_wrong_roles(mobile, framework, stated):
    with pytest.raises(MlipsseError, match=stated):
        assign_roles(SPECIES, mobile, framework)


def test_a_second_mobile_element_is_named_where_it_looks_like_a_melt():
    run = analyse_trajectory(two_conductors(), mobile="Li", charge_e=1)
    assert run.status.kind is RunKind.MELTED
    assert "name the mobile elements Li,Na, or the framework Cl" in run.status.reason
    assert run.conductivity_mS_cm is None


@pytest.mark.parametrize(
    "options", [{"mobile": ["Li", "Na"]}, {"mobile": "Li", "framework": ["Cl"]}]
)
def test_two_mobile_elements_are_no_melt(options):
    run = analyse_trajectory(two_conductors(), charge_e=1, **options)
    assert run.status.usable
    fit = run.diffusivity
    assert abs(fit.diffusivity_cm2_s - 0.09 / 0.2 * 1e-4) < 3 * fit.diffusivity_std_cm2_s
    assert run.n_mobile == 16


def test_the_command_prints_each_mobile_element(dump):
    common = ["transport", "diffusivity", str(dump), "--temperature", "700", "--timestep", "1"]
    result = CliRunner().invoke(app, [*common, "--mobile", "Li,Na", "--json"])
    assert result.exit_code == 0
    lithium, sodium = json.loads(result.stdout)
    assert (lithium["mobile"], sodium["mobile"]) == ("Li", "Na")
    assert lithium["framework"] == sodium["framework"] == ["Cl"]
    assert sodium["diffusivity_cm2_s"] == pytest.approx(0.36 / 0.2 * 1e-4, rel=0.3)
    refused = CliRunner().invoke(app, [*common, "--mobile", "Li", "--json"])
    assert refused.exit_code == 3
    answer = json.loads(refused.stdout)
    assert (answer["status"], answer["diffusivity_cm2_s"]) == ("melted", None)
    assert answer["melt_diffusivity_cm2_s"] > 0
    named = CliRunner().invoke(app, [*common, "--mobile", "Li", "--framework", "Cl", "--json"])
    assert json.loads(named.stdout)["diffusivity_cm2_s"] == pytest.approx(
        lithium["diffusivity_cm2_s"]
    )
