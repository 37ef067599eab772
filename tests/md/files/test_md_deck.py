from pathlib import Path

import pytest
from ase.build import bulk

from mlipsse.errors import MlipsseError
from mlipsse.md.files.deck import checked_name, mace_commands, quoted_path, render_deck
from mlipsse.md.files.record import RunSubject, record_of
from mlipsse.md.plan.protocol import Protocol

PROTOCOL = Protocol(temperature_K=900, equilibration_ps=2, production_ps=10)
PAIR = ("pair_style zero 5.0", "pair_coeff * *")


def deck(*, protocol: Protocol = PROTOCOL, **changes: object) -> str:
    subject = RunSubject(
        formula="LiCl",
        composition="LiCl",
        ordering="o000",
        replica=0,
        mobile="Li",
        mobile_charge_e=1,
    )
    record = record_of(bulk("LiCl", "rocksalt", a=5.13, cubic=True), subject, protocol)
    given = {"title": "Li3InCl6-T0900-r0", "pair_commands": PAIR} | changes
    return render_deck(record, **given)


def commands(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def test_berendsen_thermostat_stands_beside_an_integrator() -> None:
    lines = commands(deck())
    assert ["fix", "integrate", "all", "nve"] in lines
    assert ["fix", "thermostat", "all", "temp/berendsen", "900.0", "900.0", "0.1"] in lines
    assert ["timestep", "0.001"] in lines


@pytest.mark.parametrize(
    ("ensemble", "fixes"),
    [
        ("csvr", ["fix integrate all nve", "fix thermostat all temp/csvr 900.0 900.0 0.1 7"]),
        ("nose-hoover", ["fix integrate all nvt temp 900.0 900.0 0.1"]),
    ],
)
def test_other_ensembles(ensemble: str, fixes: list[str]) -> None:
    protocol = Protocol(
        temperature_K=900,
        equilibration_ps=2,
        production_ps=10,
        ensemble=ensemble,
        seed=7,
    )
    lines = commands(deck(protocol=protocol))
    found = [line for line in lines if line[0] == "fix" and line[1] in ("integrate", "thermostat")]
    assert found == [fix.split() for fix in fixes]


def test_cell_relaxation_is_an_option() -> None:
    still = Protocol(temperature_K=900, equilibration_ps=2, production_ps=10, relax_cell=False)
    assert "minimize" in deck()
    assert "minimize" not in deck(protocol=still)


def test_same_input_gives_the_same_deck() -> None:
    assert deck() == deck()


def test_own_template_comes_before_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "in.lammps.j2").write_text("# mine at {{ temperature_K }} K\n")
    assert deck(template_dir=tmp_path) == "# mine at 900.0 K\n"
    assert "# mine" not in deck(template_dir=None)


def test_empty_template_folder_falls_back_to_the_shipped_template(tmp_path: Path) -> None:
    assert deck(template_dir=tmp_path) == deck()


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("timestep {{ timestep }}", "'timestep' is undefined.*Known variables: .*timestep_fs"),
        ("{% if %}", "line 1, is not valid Jinja"),
        ("{{ 1 / 0 }}", "cannot be rendered"),
        ("{{ ''.__class__.__mro__ }}", "in.lammps.j2"),
        ("{% include 'other.j2' %}", "other.j2 was not found"),
        ("units metal\n  shell rm -r ~", "command `shell`"),
        ('if "1 > 0" then "shell rm -r ~"', "command `shell`"),
    ],
)
def test_faulty_templates_get_a_sentence(tmp_path: Path, template: str, words: str) -> None:
    (tmp_path / "in.lammps.j2").write_text(template)
    with pytest.raises(MlipsseError, match=words):
        deck(template_dir=tmp_path)


def test_missing_template_folder_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(MlipsseError, match="does not exist"):
        deck(template_dir=tmp_path / "nowhere")


@pytest.mark.parametrize("title", ["", "a b", "x\nshell ls", 'x"', "$(x)", "-x", "é", "x" * 121])
def test_titles_that_are_no_names_are_refused(title: str) -> None:
    with pytest.raises(MlipsseError, match="is not allowed in a LAMMPS deck"):
        deck(title=title)


def test_names_of_campaigns_are_accepted() -> None:
    for name in ("Li3In0.5Y0.5Br3Cl3", "Li3InCl6-1x1x1-o003", "Na(1+x)Zr2", "x=0.5"):
        assert checked_name(name, what="ordering") == name


@pytest.mark.parametrize(
    "command",
    [
        "shell rm -r ~",
        "pair_style zero 5.0\nshell ls",
        "pair_style zero $(x)",
        "pair_coeff * * &",
        "",
        "include other",
    ],
)
def test_interaction_commands_are_checked(command: str) -> None:
    with pytest.raises(MlipsseError, match="interaction command"):
        deck(pair_commands=(command,))


def test_mace_commands_quote_their_paths() -> None:
    lines = mace_commands(
        plugin=Path("/home/jürgen/my potentials/mace.so"),
        model=Path("model (1).pt"),
        species=("Cl", "In", "Li"),
    )
    assert lines[0].endswith('load "/home/jürgen/my potentials/mace.so"')
    assert lines[2].endswith('* * "model (1).pt" Cl In Li')
    deck(pair_commands=lines)


@pytest.mark.parametrize("path", ['a"b', "a$b", "a&b", "a\nb", "a'b", "a\\b", "aʺb", "a#b", "a`b"])
def test_paths_that_could_end_an_argument_are_refused(path: str) -> None:
    with pytest.raises(MlipsseError, match="which a LAMMPS deck does not allow"):
        quoted_path(Path(path))


def test_elements_are_checked() -> None:
    with pytest.raises(MlipsseError, match="not the symbol of an element"):
        mace_commands(plugin=Path("p.so"), model=Path("m.pt"), species=("Li\nshell",))
