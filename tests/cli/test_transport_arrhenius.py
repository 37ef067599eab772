"""`mlipsse transport arrhenius`: from files to an activation energy."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.units import BOLTZMANN_EV_K


def run(*words):
    return CliRunner().invoke(app, ["transport", "arrhenius", *map(str, words)])


def diffusivity(temperature):
    return 1e-3 * np.exp(-0.3 / (BOLTZMANN_EV_K * temperature))


@pytest.fixture
def table(tmp_path):
    rows = ["temperature_K,diffusivity_cm2_s,diffusivity_std_cm2_s"]
    rows += [f"{t},{diffusivity(t)},{0.1 * diffusivity(t)}" for t in (700, 800, 900, 1000)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(rows))
    return path


def test_from_a_table(table, tmp_path):
    result = run(table, "--at", "300,850", "--json", "--out", tmp_path / "figures")
    assert result.exit_code == 0
    (answer,) = json.loads(result.stdout)["compositions"]
    assert answer["activation_energy_eV"] == pytest.approx(0.3, rel=1e-9)
    assert answer["activation_energy_std_eV"] > 0
    cold, warm = answer["elsewhere"]
    assert cold["diffusivity_cm2_s"] == pytest.approx(diffusivity(300.0), rel=1e-6)
    assert (cold["outside"], warm["outside"]) == (True, False)
    assert cold["conductivity_mS_cm"] is None  # a table of D alone holds no density of ions
    for name in ("arrhenius.png", "arrhenius.svg", "arrhenius.csv"):
        assert (tmp_path / "figures" / name).stat().st_size > 100


def test_from_answers_of_diffusivity(tmp_path):
    """One file per run, two of them at one temperature, one refused."""
    files = []
    for name, temperature, value, reason in (
        ("a", 700.0, diffusivity(700.0), None),
        ("b", 900.0, 0.9 * diffusivity(900.0), None),
        ("c", 900.0, 1.1 * diffusivity(900.0), None),
        ("d", 500.0, None, "not diffusive: a cage"),
    ):
        path = tmp_path / f"{name}.json"
        answer = {
            "temperature_K": temperature,
            "diffusivity_cm2_s": value,
            "diffusivity_std_cm2_s": value and 0.1 * value,
            "conductivity_mS_cm": value and 1e8 * value / temperature,
            "conductivity_std_mS_cm": value and 1e7 * value / temperature,
            "reason": reason,
        }
        path.write_text(json.dumps(answer))
        files.append(path)
    result = run(*files, "--json")
    (answer,) = json.loads(result.stdout)["compositions"]
    assert answer["activation_energy_eV"] == pytest.approx(0.3, rel=1e-6)
    assert [point["n_runs"] for point in answer["temperatures"]] == [1, 2]
    assert answer["left_out"][0]["reason"] == "not diffusive: a cage"
    assert answer["elsewhere"][0]["conductivity_mS_cm"] == pytest.approx(
        1e8 * diffusivity(300.0) / 300.0, rel=1e-6
    )
    told = run(*files).stdout
    assert "left out: d.json: not diffusive" in told
    assert "two temperatures" in told


def test_one_temperature_says_what_it_cannot_know(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("temperature_K,diffusivity_cm2_s\n800,1e-5\n")
    result = run(path)
    assert result.exit_code == 3
    assert "one temperature gives no activation energy" in result.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n1,2\n", "has no temperature_K"),
        ("temperature_K,diffusivity_cm2_s\n800,many\n", "'many' is not a number"),
        ("temperature_K,diffusivity_cm2_s\n-5,1e-5\n", "above 0 K"),
        ("{", "is no JSON"),
        ("", "there is no diffusivity"),
    ],
)
def test_faults(tmp_path, text, told):
    path = tmp_path / "table.csv"
    path.write_text(text)
    result = run(path)
    assert isinstance(result.exception, MlipsseError)
    assert told in str(result.exception)
