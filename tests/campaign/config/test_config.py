import pytest

from mlipsse.campaign.config.campaign import CampaignConfig
from mlipsse.campaign.config.file import parse_config
from mlipsse.errors import MlipsseError
from mlipsse.resources import resource_dir

MINIMAL = """
name: test
structure: {host: host.cif, mobile: Li}
enumerate: {compositions: [Li3InCl6]}
simulate: {temperatures_K: [800]}
"""


def test_defaults_are_the_published_protocol() -> None:
    config = parse_config(MINIMAL, source="campaign.yaml")
    assert config.select.temperature_K == 800
    assert (config.select.per, config.select.draw) == ("cell", "count")
    assert (config.sample.temperatures_K, config.sample.duration_ps) == ([800.0], 15.0)
    assert (config.sample.equilibration_ps, config.sample.frames) == (5.0, 30)
    assert (config.sample.max_strain, config.sample.strain) == (0.03, "full")
    assert (config.sample.timestep_fs, config.sample.selection) == (1.0, "random")
    assert (config.finetune.max_epochs, config.finetune.patience) == (500, 20)
    assert config.finetune.learning_rate == 0.01
    assert config.simulate.ensemble == "berendsen"
    assert config.simulate.timestep_fs == 1.0


@pytest.mark.parametrize(
    ("change", "formats"),
    [
        ("", ("native", "torchscript")),
        ("execution: {slurm: {}}", ("native", "torchscript")),
        ("execution: {gpus: 1}", ("torchscript",)),
        ("execution: {slurm: {gpus_per_node: 4}}", ("torchscript",)),
        ("sample: {device: cuda}", ("torchscript",)),
        ("export: {format: native}", ("native",)),
        ("export: {format: aotinductor}\nexecution: {gpus: 1}", ("aotinductor",)),
    ],
)
def test_native_code_runs_where_no_gpu_is_asked_for(change: str, formats: tuple[str]) -> None:
    assert parse_config(MINIMAL + change, source="campaign.yaml").export_formats == formats


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("simulate: {temperatures_K: [800], timestep: 1}", "did you mean timestep_fs"),
        ("simulate: {temperatures_K: [-5]}", r"simulate.temperatures_K.0: .*greater than 0"),
        ("simulate: {temperatures_K: []}", "simulate.temperatures_K"),
        ("simulate: {temperatures_K: [800], orderings: 0}", "but structures is empty"),
        ("simulate: {temperatures_K: [800], npt_ps: 5, pressure_bar: .nan}",
         r"simulate.pressure_bar: Input should be a finite number"),
        ("simulate: {temperatures_K: [800], production_ps: .inf}",
         r"simulate.production_ps: Input should be a finite number"),
        ("enumerate: {compositions: [Li3InCl6, Li3InCl6]}", "listed more than once"),
        ("enumerate: {compositions: [Li3InCl6], supercells: [2x2]}", "enumerate.supercells.0"),
        ("enumerate: {compositions: [Li3InCl6], supercells: [2]}", "enumerate.supercells.0"),
        ("structure: {host: a.cif, mobile: Li, closest_A: -1}",
         r"yaml:\n  structure.closest_A: Input should be greater than 0 \(it is -1\)\.$"),
        ("structure: {host: a.cif, mobile: Li, occupations: {Cl1: {Cl: x}}}",
         r"yaml:\n  structure.occupations.Cl1.Cl: Input should be a valid number.*$"),
        ("name: 'rm -rf *'", "name: .*pattern"),
        ("colour: red", "this key is not known; known here: name, seed"),
        ("seed: -1", "seed"),
    ],
)  # fmt: skip
def test_bad_config_gets_a_sentence(change: str, sentence: str) -> None:
    key = change.split(":")[0]
    kept = [line for line in MINIMAL.splitlines() if not line.startswith(f"{key}:")]
    with pytest.raises(MlipsseError, match=sentence):
        parse_config("\n".join([*kept, change]), source="campaign.yaml")


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(MlipsseError) as caught:
        parse_config("name: x\nfoo: 1\nbar: 2\n", source="campaign.yaml")
    for field in ("foo", "bar", "structure", "enumerate", "simulate"):
        assert f"{field}: " in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "name: [", "just words"])
def test_no_mapping_gets_a_sentence(text: str) -> None:
    with pytest.raises(MlipsseError, match=r"campaign\.yaml"):
        parse_config(text, source="campaign.yaml")


def test_every_field_is_described() -> None:
    for name, section in CampaignConfig.model_json_schema()["$defs"].items():
        for field, schema in section["properties"].items():
            assert "description" in schema, f"{name}.{field}"


def test_examples_are_valid() -> None:
    for path in resource_dir("examples").glob("*/campaign.yaml"):
        config = parse_config(path.read_text(), source=str(path))
        assert (path.parent / config.structure.host).is_file()


def test_unknown_key_of_a_grid_is_named_with_its_neighbours():
    text = MINIMAL.replace("compositions: [Li3InCl6]", "grid: {formla: a, values: {x: [0]}}")
    assert text != MINIMAL
    with pytest.raises(MlipsseError, match=r"enumerate\.grid\.formla: .* did you mean formula\?"):
        parse_config(text, source="campaign.yaml")
