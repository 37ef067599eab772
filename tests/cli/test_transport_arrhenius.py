"""`mlipsse transport arrhenius`: from files to an activation energy."""

import json
import re

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
    stated = run(*files).stdout
    assert "left out: d.json: not diffusive" in stated
    assert "two temperatures" in stated


def test_one_temperature_states_what_it_cannot_know(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("temperature_K,diffusivity_cm2_s\n800,1e-5\n")
    result = run(path)
    assert result.exit_code == 3
    assert "one temperature gives no activation energy" in result.stdout


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("a,b\n1,2\n", "has no temperature_K"),
        ("temperature_K,diffusivity_cm2_s\n800,many\n", "'many' is not a number"),
        ("temperature_K,diffusivity_cm2_s\n-5,1e-5\n", "above 0 K"),
        ("{", "is no JSON"),
        ("", "contains no diffusivity"),
    ],
)
def test_faults(tmp_path, text, stated):
    path = tmp_path / "table.csv"
    path.write_text(text)
    result = run(path)
    assert isinstance(result.exception, MlipsseError)
    assert stated in str(result.exception)


def answer(path, temperature, **other):
    """A file as `transport diffusivity --json` writes it."""
    value = diffusivity(temperature)
    found = {
        "status": "usable",
        "reason": None,
        "temperature_K": temperature,
        "diffusivity_cm2_s": value,
        "diffusivity_std_cm2_s": 0.1 * value,
        "mobile": "Li",
        "charge_e": 1.0,
        "cautions": [],
    }
    path.write_text(json.dumps(found | other))
    return path


@pytest.mark.parametrize(
    "found",
    [
        {"status": "melted", "reason": "melted: the framework moves"},
        {"status": "caged", "reason": "not diffusive, caged"},
        {"status": "melted"},
        {"framework_melted": True},  # of files written before there was a status
    ],
)
def test_a_run_that_is_not_usable_takes_no_part(tmp_path, found):
    files = [answer(tmp_path / f"{t}.json", float(t)) for t in (700, 800, 900)]
    wrong = answer(tmp_path / "1000.json", 1000.0, diffusivity_cm2_s=1e-3, **found)
    result = run(*files, wrong, "--json")
    (stated,) = json.loads(result.stdout)["compositions"]
    assert stated["activation_energy_eV"] == pytest.approx(0.3, rel=1e-6)
    assert [one["name"] for one in stated["left_out"]] == ["1000.json"]
    assert run(wrong).exit_code == 3


def test_the_same_run_twice_is_no_replica(tmp_path, table):
    first = answer(tmp_path / "a.json", 700.0)
    copy = tmp_path / "b.json"
    copy.write_text(json.dumps(json.loads(first.read_text()), indent=3))
    for files in ((first, first), (first, copy), (table, table)):
        result = run(*files)
        assert isinstance(result.exception, MlipsseError)
        assert "a run given twice" in str(result.exception)


@pytest.mark.parametrize(
    ("other", "stated"),
    [
        ({"mobile": "Na"}, "Different mobile ions"),
        ({"charge_e": 2.0}, "Different charges"),
        ({"framework": ["P", "S", "I"]}, "Different frameworks .* Cl P S in a.json, I P S in b"),
    ],
)
def test_different_ions_share_no_line(tmp_path, other, stated):
    first = answer(tmp_path / "a.json", 700.0, framework=["P", "S", "Cl"])
    result = run(first, answer(tmp_path / "b.json", 800.0, **other))
    assert isinstance(result.exception, MlipsseError)
    assert re.search(stated, str(result.exception))


def test_other_units_are_refused(tmp_path):
    path = tmp_path / "si.csv"
    path.write_text("temperature_K,diffusivity_m2_s\n700,1e-9\n800,2e-9\n")
    result = run(path)
    assert "has diffusivity_m2_s instead of diffusivity_cm2_s" in str(result.exception)


def test_cautions_of_a_run_are_carried_on(tmp_path):
    files = [
        answer(tmp_path / "a.json", 700.0, cautions=["rates change during the run"]),
        answer(tmp_path / "b.json", 800.0),
        answer(tmp_path / "c.json", 900.0, diffusivity_std_cm2_s=None),
    ]
    stated = run(*files).stdout
    assert "a.json: rates change during the run" in stated
    assert "no error of D in c.json" in stated


def test_a_table_of_excel(tmp_path):
    path = tmp_path / "excel.csv"
    path.write_bytes(
        b"\xef\xbb\xbftemperature_K, diffusivity_cm2_s\r\n600,3e-6\r\n700,7e-6\r\n800,1.3e-5\r\n"
    )
    (stated,) = json.loads(run(path, "--json").stdout)["compositions"]
    assert stated["activation_energy_eV"] == pytest.approx(0.304, abs=0.01)
    assert [point["diffusivity_std_cm2_s"] for point in stated["temperatures"]] == [None] * 3


@pytest.mark.parametrize("error", ["-1e-7", "0", "10"])
def test_errors_of_d_that_are_none_are_refused(tmp_path, table, error):
    """A sign, a zero for «not known», percent."""
    head, *rows = table.read_text().split("\n")
    rows[1] = ",".join([*rows[1].split(",")[:2], error])
    table.write_text("\n".join([head, *rows]))
    result = run(table)
    assert isinstance(result.exception, MlipsseError)
    assert "row 2: diffusivity_std_cm2_s must be above 0" in str(result.exception)


def test_a_row_twice_is_no_replica(tmp_path, table):
    lines = table.read_text().split("\n")
    table.write_text("\n".join([*lines, lines[2]]))
    result = run(table)
    assert isinstance(result.exception, MlipsseError)
    assert "row 2 (800 K) and table.csv, row 5 (800 K) contain equal" in str(result.exception)


@pytest.mark.parametrize(
    "other",
    [
        {"diffusivity_cm2_s": 1.1e-6, "window_ps": [5.0, 20.0]},
        {"temperature_K": 950.0},
        {"temperature_K": 950.0, "volume_A3": None},
    ],
)
def test_a_run_analysed_twice_is_no_replica(tmp_path, other):
    """With another window, or at another temperature by mistake."""
    numbers = {"framework_msd_A2": 0.12345678, "volume_A3": 1234.5, "duration_ps": 60.0}
    files = [answer(tmp_path / f"{t}.json", float(t)) for t in (700, 800)]
    files += [answer(tmp_path / "900.json", 900.0, **numbers)]
    files += [answer(tmp_path / "again.json", 900.0, **(numbers | other))]
    if "diffusivity_cm2_s" not in other:
        again = json.loads(files[-1].read_text())
        assert again["diffusivity_cm2_s"] == diffusivity(900.0)
    result = run(*files)
    assert isinstance(result.exception, MlipsseError)
    assert "as for one trajectory" in str(result.exception)


def test_a_line_through_neighbours_is_printed(tmp_path):
    """Two temperatures side by side: a slope that no number holds at 300 K."""
    path = tmp_path / "table.csv"
    path.write_text("temperature_K,diffusivity_cm2_s\n600,1e-6\n600.1,9e-6\n")
    result = run(path)
    assert result.exit_code == 0
    assert "300 K, by the line: D beyond all numbers" in result.output


@pytest.mark.parametrize("mark", [";", "\t"])
def test_tables_with_other_marks_between_columns(table, mark):
    table.write_text(table.read_text().replace(",", mark))
    assert "Ea 0.3 ± " in run(table).output


def test_a_caution_in_a_table_is_one_sentence(table):
    head, first, *rest = table.read_text().split("\n")
    rest = [row + "," for row in rest]
    table.write_text("\n".join([f"{head},cautions", f"{first},rates change", *rest]))
    assert "table.csv, row 1: rates change\n" in run(table).output


def test_a_diffusivity_of_no_ion_is_named(table):
    """Å²/ps under a head of cm²/s."""
    head, *rows = table.read_text().split("\n")
    numbers = [[float(word) for word in row.split(",")] for row in rows]
    rows = [f"{t},{1e4 * value},{1e4 * error}" for t, value, error in numbers]
    table.write_text("\n".join([head, *rows]))
    assert "beyond any ion of a solid or melt: check its unit" in run(table).output
