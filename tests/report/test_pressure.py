"""Pressures of production beside the numbers."""

from typing import Any

import pytest

from mlipsse.report.page.pressure import mean_pressures, pressure_cautions
from mlipsse.report.page.summary import build_summary
from mlipsse.report.page.tables import runs_table
from mlipsse.report.page.transport_tables import conductivity_rows, conductivity_table


def row(temperature_K: float, pressure_GPa: float | None, **changes: Any) -> dict[str, Any]:
    return {
        "run": f"LiCl-o0-T{temperature_K:04.0f}-r0",
        "composition": "LiCl",
        "temperature_K": temperature_K,
        "pressure_GPa": pressure_GPa,
        "pressure_std_GPa": None if pressure_GPa is None else 0.3,
        "asked_pressure_GPa": None,
        "anisotropic_stress_GPa": None,
        "volume_drift_percent": None,
        "volume_drift_std_percent": None,
        "reason": "",
    } | changes


def test_the_mean_of_the_runs_that_count() -> None:
    rows = [row(800, 2.0), row(800, 3.0), row(800, 9.0, reason="melted: x"), row(900, None)]
    found = mean_pressures(rows, temperatures_K=[800, 900, 1000])
    assert found["pressure_GPa"] == [2.5, None, None]
    assert found["pressure_std_GPa"][0] == pytest.approx((0.3**2 + 0.3**2) ** 0.5 / 2)
    assert found["pressure_std_GPa"][1:] == [None, None]


def test_nvt_in_the_cell_of_0_K_is_stated_with_its_remedy() -> None:
    no_D = row(1000, 2.9, reason="the ions have not diffused")  # the pressure may be the cause
    (sentence,) = pressure_cautions([row(800, 2.1), no_D, row(300, 0.9)])
    assert sentence.startswith(
        "LiCl: production at 800, 1000 K ran at a mean pressure of 2.1 to 2.9 GPa instead "
        "of 0 (NVT in a cell without thermal expansion)."
    )
    assert "set simulate.npt_ps" in sentence


def test_what_was_asked_for_is_no_caution() -> None:
    asked = {"asked_pressure_GPa": 3.0}
    assert pressure_cautions([row(800, 2.5, **asked), row(800, 1.0), row(800, None)]) == []
    (sentence,) = pressure_cautions([row(800, 0.1, **asked)])
    assert "0.1 GPa instead of 3 (NVT in the average cell of the NPT part)" in sentence
    assert "raise simulate.npt_ps" in sentence


def test_tension_uneven_stress_and_drift_are_stated() -> None:
    (tension,) = pressure_cautions([row(800, -1.5)])
    assert "-1.5 GPa" in tension
    (uneven,) = pressure_cautions([row(800, 0.1, anisotropic_stress_GPa=1.8)])
    assert "the stress along one axis differs from the mean pressure by 1.8 GPa" in uneven
    drift = {"volume_drift_percent": 30.0, "volume_drift_std_percent": 1.0}
    noise = {"volume_drift_percent": 3.0, "volume_drift_std_percent": 2.0}
    averaged = {"asked_pressure_GPa": 0.0}
    (drifting,) = pressure_cautions([row(800, 0.0, **drift, **averaged), row(900, 0.0, **noise)])
    assert "in 1 of 2 runs (at 800 K) the volume changed by 30.0 %" in drifting


def test_tables_show_pressures_and_those_of_earlier_versions_none(compositions: Any) -> None:
    summary = build_summary(compositions, label_source="vasp (SCAN)")
    assert {row["pressure_GPa"] for row in conductivity_rows(summary)} == {None}
    for item in summary["compositions"]:
        n = len(item["temperature_K"])
        item |= {"pressure_GPa": [2.345] * n, "pressure_std_GPa": [0.12] * n}
    table = conductivity_table(summary)
    place = table.columns.index("pressure (GPa)")
    assert {row[place] for row in table.rows} == {"2.35 ± 0.12"}
    earlier = dict.fromkeys(
        (
            *("run", "temperature_K", "mean_temperature_K", "energy_drift_meV_atom_ps"),
            *("diffusivity_cm2_s", "diffusivity_std_cm2_s", "conductivity_mS_cm", "exponent"),
            *("einstein_conductivity_mS_cm", "haven_ratio", "haven_ratio_std", "reason"),
            *("window_start_ps", "window_end_ps", "framework_msd_A2"),
        ),
        "",
    )
    now = earlier | {"pressure_GPa": "-1.2345", "pressure_std_GPa": "0.05"}
    shown = runs_table([earlier, now])
    place = shown.columns.index("pressure (GPa)")
    assert [row[place] for row in shown.rows] == [None, "-1.234 ± 0.050"]
