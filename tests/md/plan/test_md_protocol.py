import pytest

from mlipsse.errors import MlipsseError
from mlipsse.md.plan.protocol import Protocol, published_lengths_ps, timestep_caution


def test_times_become_steps() -> None:
    protocol = Protocol(
        temperature_K=900,
        equilibration_ps=2,
        production_ps=10,
        timestep_fs=2.0,
        dump_every_fs=50,
        restart_every_ps=1,
    )
    assert protocol.first_frame_step == 1000
    assert protocol.production_steps == 5000
    assert protocol.dump_every_steps == 25
    assert protocol.restart_every_steps == 500


def test_decimal_times_do_not_lose_a_step() -> None:
    protocol = Protocol(
        temperature_K=900,
        equilibration_ps=0.3,
        production_ps=0.9,
        timestep_fs=0.1,
        dump_every_fs=0.3,
        restart_every_ps=0.3,
    )
    assert (protocol.dump_every_steps, protocol.production_steps) == (3, 9000)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"temperature_K": 0}, "temperature_K = 0: input should be greater than 0"),
        ({"temperature_K": float("nan")}, "temperature_K = nan: input should be a finite number"),
        ({"temperature_K": "800\nshell rm"}, "temperature_K = .* valid number"),
        ({"production_ps": float("inf")}, "production_ps = inf: input should be a finite number"),
        ({"timestep_fs": -1.0}, "timestep_fs = -1.0: input should be greater than 0"),
        ({"production_ps": 1.05}, "does not divide production_ps = 1.05"),
        ({"equilibration_ps": 0.15}, "does not divide equilibration_ps = 0.15"),
        ({"restart_every_ps": 0.25}, "does not divide restart_every_ps = 0.25"),
        ({"dump_every_fs": 0.5}, "not a whole number of steps"),
        (
            {"ensemble": "nvt"},
            "ensemble = 'nvt': input should be 'berendsen', 'csvr' or 'nose-hoover'",
        ),
        ({"seed": 0}, "seed = 0"),
        ({"seed": 1.5}, "seed = 1.5"),
    ],
)
def test_bad_values_get_a_sentence(change: dict[str, object], words: str) -> None:
    good: dict[str, object] = {"temperature_K": 800, "equilibration_ps": 1, "production_ps": 2}
    with pytest.raises(MlipsseError, match=words):
        Protocol(**(good | change))


def test_records_keep_their_order() -> None:
    """Runs go on only where the text of their record is the same, letter by letter."""
    protocol = Protocol(temperature_K=800, equilibration_ps=1, production_ps=2)
    assert list(protocol.model_dump()) == [
        *("temperature_K", "equilibration_ps", "production_ps", "timestep_fs", "dump_every_fs"),
        *("thermo_every_fs", "restart_every_ps", "tdamp_ps", "momentum_every_ps"),
        *("velocities_every_ps", "npt_ps", "pressure_bar", "pdamp_ps", "ensemble", "relax_cell"),
        "seed",
    ]


def test_published_lengths_change_at_800_K() -> None:
    assert published_lengths_ps(800) == (100, 400)
    assert published_lengths_ps(799) == (200, 800)


def test_step_is_cautioned_by_the_lightest_atom() -> None:
    assert timestep_caution(timestep_fs=1.0, masses_u=[114.8, 6.94, 35.45]) is None
    assert timestep_caution(timestep_fs=2.0, masses_u=[6.94, 35.45]) is None
    caution = timestep_caution(timestep_fs=2.0, masses_u=[1.008, 35.45])
    assert caution is not None
    assert "timestep_fs = 2" in caution
