import json

import pytest

from mlipsse.report.page.cautions import standing_cautions
from mlipsse.report.page.summary import build_summary, write_summary

LABELS = "teacher: chgnet-r2scan (teacher labels, not DFT)"
ARRAYS = (
    "temperature_K",
    "diffusivity_cm2_s",
    "diffusivity_std_cm2_s",
    "conductivity_mS_cm",
    "conductivity_std_mS_cm",
)


def test_contract_for_scripts(compositions, tmp_path):
    path = tmp_path / "summary.json"
    write_summary(build_summary(compositions, label_source=LABELS), path)
    summary = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert summary["label_source"] == LABELS
    full, two, one, none = summary["compositions"]
    assert [item["formula"] for item in summary["compositions"]] == [
        "Li3InCl6",
        "Li3In0.5Y0.5Br3Cl3",
        "Li3YBr6",
        "LiCl",
    ]
    for item, count in ((full, 3), (two, 2), (one, 1), (none, 0)):
        assert [len(item[name]) for name in ARRAYS] == [count] * len(ARRAYS)
        assert all(value > 0 for name in ARRAYS for value in item[name])
    assert full["temperature_K"] == [800.0, 900.0, 1000.0]
    assert full["runs"] == [2, 1, 1]
    assert abs(full["activation_energy_eV"] - 0.25) < 4 * full["activation_energy_std_eV"]
    assert isinstance(two["activation_energy_eV"], float)
    assert two["activation_energy_std_eV"] > 0  # from the errors of its two diffusivities
    for item in (one, none):
        assert item["activation_energy_eV"] is None
        assert item["activation_energy_std_eV"] is None
    assert [run["temperature_K"] for run in full["excluded"]] == [1200.0]
    assert full["excluded"][0]["reason"].startswith("melted")


def test_nan_never_reaches_the_file(tmp_path):
    path = tmp_path / "summary.json"
    with pytest.raises(ValueError, match="JSON compliant"):
        write_summary({"label_source": "x", "compositions": [float("nan")]}, path)
    assert not path.exists()


def test_cautions_name_what_was_run(compositions):
    stated = "\n".join(standing_cautions(compositions, label_source=LABELS, thermostat="berendsen"))
    assert "Teacher labels, not DFT" in stated
    assert "Berendsen" in stated
    assert "19.9 ps" in stated
    assert "Li3In0.5Y0.5Br3Cl3: two temperatures give an activation energy" in stated
    quiet = "\n".join(standing_cautions([], label_source="vasp (SCAN)", thermostat="csvr"))
    assert "Teacher" not in quiet
    assert "Berendsen" not in quiet
    assert "shortest" not in quiet


def test_directions_are_reported_beside_the_mean(compositions):
    full, _, one, none = build_summary(compositions, label_source=LABELS)["compositions"]
    assert list(full["directions"]) == ["a", "b", "c", "ab", "ac", "bc"]
    along = full["directions"]["a"]
    assert along["temperature_K"] == full["temperature_K"]
    assert along["runs"] == full["runs"]
    # The cell of these walks is a box: its three directions make up the mean.
    parts = [full["directions"][name]["diffusivity_cm2_s"][0] for name in "abc"]
    assert sum(parts) / 3 == pytest.approx(full["diffusivity_cm2_s"][0])
    assert sum(full["principal_diffusivity_cm2_s"][0]) == pytest.approx(sum(parts))
    assert abs(along["activation_energy_eV"] - 0.25) < 4 * along["activation_energy_std_eV"]
    assert one["directions"]["a"]["activation_energy_eV"] is None
    assert none["directions"]["a"]["temperature_K"] == []
