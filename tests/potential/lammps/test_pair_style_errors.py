"""What a user does wrong in a deck is answered by a sentence of LAMMPS, never by a C++ trace."""

import shutil
from pathlib import Path

import pytest
import torch

from tests.support.potential.lammps_deck import refused


def test_no_domain_decomposition_on_two_ranks(run_deck):
    status, screen = run_deck(ranks=2, pair_style="pair_style mace no_domain_decomposition")
    refused((status, screen), "one MPI rank", "has 2", "may be decomposed")
    assert screen.count("ERROR:") == 1


def test_newton_off(run_deck):
    refused(run_deck(units="metal\nnewton off"), "newton on")


def test_number_type(run_deck):
    refused(run_deck(pair_style="pair_style mace dtype float32"), "float32", "float64", "--dtype")
    status, _ = run_deck(pair_style="pair_style mace dtype float64 device cpu")
    assert status == 0


def test_units(run_deck):
    refused(run_deck(units="real"), "units metal", "units real")


def test_atom_map(run_deck):
    refused(run_deck(modify="sort 0 0.0"), "atom_modify map yes")


def test_style_words(run_deck):
    refused(run_deck(pair_style="pair_style mace gpu"), "no_domain_decomposition")


def test_upstream_word_is_accepted(run_deck):
    status, screen = run_deck(pair_style="pair_style mace no_domain_decomposition")
    assert status == 0
    assert screen.count("MACE model") == 1
    assert "float64 on " in screen
    assert "2 layers of 4.5 A" in screen


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("Li Zr", ("Zr", "atom type 2", "Li Cl Y In")),
        ("Li", ("1 elements", "2 atom types")),
        ("Li Cl Y", ("3 elements", "2 atom types")),
    ],
)
def test_elements(run_deck, torchscript, names, words):
    refused(run_deck(pair_coeff=f'pair_coeff * * "{torchscript}" {names}'), *words)


def test_no_coefficients(run_deck):
    status, screen = run_deck(pair_coeff="")
    assert status != 0
    assert "ERROR" in screen


def test_pair_coeff_per_pair(run_deck, torchscript):
    refused(run_deck(pair_coeff=f'pair_coeff 1 2 "{torchscript}" Li Cl'), "must start with * *")


def test_missing_model(run_deck):
    refused(run_deck(pair_coeff="pair_coeff * * nowhere.pt Li Cl"), "nowhere.pt", "no such file")


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_not_torchscript(run_deck, tmp_path, tiny_model, content):
    path = tmp_path / "wrong.pt"
    path.write_bytes(tiny_model.read_bytes() if content is None else content)
    refused(run_deck(pair_coeff=f"pair_coeff * * {path} Li Cl"), "TorchScript", "wrong.pt")


def test_torn_torchscript(run_deck, tmp_path, torchscript):
    path = tmp_path / "torn.pt"
    whole = torchscript.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(run_deck(pair_coeff=f"pair_coeff * * {path} Li Cl"), "TorchScript", "torn.pt")


def test_files_for_others(run_deck, tmp_path, tiny_model, torchscript):
    """By their names, and by what they hold."""
    shutil.copyfile(torchscript, tmp_path / "some.mliap.pt")
    refused(
        run_deck(pair_coeff=f"pair_coeff * * {tmp_path}/some.mliap.pt Li Cl"),
        "pair_style mliap unified",
        ".pt2 file",
    )
    refused(run_deck(pair_coeff=f"pair_coeff * * {tiny_model} Li Cl"), "Export it for LAMMPS")
    shutil.copyfile(tiny_model, tmp_path / "some.pt")
    refused(run_deck(pair_coeff=f"pair_coeff * * {tmp_path}/some.pt Li Cl"), "Python pickle")


def scripted(module: torch.nn.Module, path: Path) -> Path:
    torch.jit.script(module).save(str(path))
    return path


def test_torchscript_of_something_else(run_deck, tmp_path):
    path = scripted(torch.nn.Linear(2, 2), tmp_path / "linear.pt")
    refused(run_deck(pair_coeff=f"pair_coeff * * {path} Li Cl"), "not a MACE model exported")


class Raises(torch.nn.Module):
    """Has what LAMMPS asks for at loading, and fails when it is run."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.register_buffer("r_max", torch.tensor(4.0, dtype=dtype))
        self.register_buffer("atomic_numbers", torch.tensor([3, 17]))
        self.register_buffer("num_interactions", torch.tensor(1))
        self.weight = torch.nn.Parameter(torch.ones(1, dtype=dtype))

    def forward(
        self, data: dict[str, torch.Tensor], local: torch.Tensor, virial: bool
    ) -> dict[str, torch.Tensor]:
        return {"total_energy_local": data["no such key"] @ local}


class RaisesByName(Raises):
    """Fails by a Python exception that is no RuntimeError."""

    def forward(
        self, data: dict[str, torch.Tensor], local: torch.Tensor, virial: bool
    ) -> dict[str, torch.Tensor]:
        if local.shape[0] > 0:
            raise ValueError("this model takes no more than nothing")
        return {"total_energy_local": local}


def test_exceptions_of_torchscript_keep_their_words(run_deck, tmp_path):
    path = scripted(RaisesByName(torch.float64), tmp_path / "raises.pt")
    refused(
        run_deck(pair_coeff=f"pair_coeff * * {path} Li Cl"),
        "At step 0",
        "ValueError: this model takes no more than nothing",
    )


def test_no_gpu(run_deck):
    refused(run_deck(pair_style="pair_style mace device cuda"), "device cuda", "asks for a GPU")


@pytest.mark.parametrize(
    ("masses", "words"),
    [
        ("6.94 35.45", ()),
        ("6.90 35.2", ()),
        ("35.45 6.94", ("type 1 is Li (6.94) and has the mass 35.45", "fit the order Cl Li")),
        ("6.8 35.45", ("type 1 is Li (6.94) and has the mass 6.8", "isotopes")),
        ("6.94 88.9", ("type 2 is Cl (35.45) and has the mass 88.9", "fit the order Li Y")),
    ],
)
def test_masses_of_other_elements(run_deck, masses, words):
    first, second = masses.split()
    status, screen = run_deck(extra=f"mass 1 {first}\nmass 2 {second}\nrun 0")
    assert status == 0, screen
    warnings = [line for line in screen.splitlines() if "The masses are not those" in line]
    assert len(warnings) == bool(words), screen
    for word in words:
        assert word in warnings[0]


@pytest.mark.parametrize("ranks", [1, 2])
def test_grand_canonical(run_deck, ranks):
    extra = "fix 1 all gcmc 10 1 1 1 29494 300 -0.5 0.01"
    refused(run_deck(extra=extra, ranks=ranks), "fix gcmc does not work", "fix atom/swap")


def test_heat_flux(run_deck):
    extra = (
        "compute ke all ke/atom\ncompute pe all pe/atom\ncompute s all stress/atom NULL virial\n"
    )
    extra += "compute f all heat/flux ke pe s\nthermo_style custom step c_f[1]"
    refused(run_deck(extra=extra), "compute heat/flux does not work", "fix ehex")


def test_model_fails_in_a_step(run_deck, tmp_path):
    path = scripted(Raises(torch.float64), tmp_path / "raises.pt")
    refused(run_deck(pair_coeff=f"pair_coeff * * {path} Li Cl"), "step 0", "MACE model failed")


def test_half_precision(run_deck, tmp_path):
    path = scripted(Raises(torch.float16), tmp_path / "half.pt")
    refused(run_deck(pair_coeff=f"pair_coeff * * {path} Li Cl"), "Half", "float32 and float64")


class Stiff(Raises):
    """A harmonic model of the given stiffness; NaN where it is NaN."""

    def __init__(self, stiffness: float) -> None:
        super().__init__(torch.float64)
        self.stiffness = stiffness

    def forward(
        self, data: dict[str, torch.Tensor], local: torch.Tensor, virial: bool
    ) -> dict[str, torch.Tensor]:
        energies = self.stiffness * data["positions"].pow(2).sum(1)
        return {
            "total_energy_local": energies.sum(),
            "node_energy": energies,
            "forces": -2.0 * self.stiffness * data["positions"],
            "virials": torch.zeros(1, 3, 3),
        }


@pytest.mark.parametrize("stiffness", [1e4, float("nan"), float("inf")])
@pytest.mark.parametrize("ranks", [1, 2])
def test_force_beyond_reason(run_deck, tmp_path, stiffness, ranks):
    path = scripted(Stiff(stiffness), tmp_path / "stiff.pt")
    result = run_deck(ranks=ranks, pair_coeff=f"pair_coeff * * {path} Cl Li")
    refused(result, "step 0", "on atom", "eV/A", "nearest neighbor is")
    if ranks == 1:
        refused(result, "atom 1 (Cl)", "nearest neighbor is 2.211 A away")
    assert result[1].count("ERROR") == 1


def test_per_atom_virial_of_upstreams_file(run_deck, upstream):
    extra = "compute s all stress/atom NULL\ncompute m all reduce max c_s[1]\n"
    extra += "thermo_style custom step pe c_m"
    pair_coeff = f'pair_coeff * * "{upstream}" Li Cl'
    refused(run_deck(extra=extra, pair_coeff=pair_coeff), "no per-atom virial", "export")


def test_excluded_neighbours(run_deck):
    refused(run_deck(extra="neigh_modify exclude type 1 2"), "neigh_modify exclude")


def test_no_model_after_a_restart(run_deck):
    """LAMMPS cannot store a plugin's settings: without pair_coeff there is no silent run."""
    extra = "run 0\nwrite_restart r.bin\nclear\nread_restart r.bin\npair_style mace"
    status, screen = run_deck(extra=extra)
    assert status != 0
    assert "pair coeffs are not set" in screen
