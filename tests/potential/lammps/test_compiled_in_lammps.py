"""AOTInductor packages in LAMMPS: the numbers of TorchScript, or a sentence why not."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from mlipsse import lammps
from mlipsse.potential.export.aotinductor import export_aotinductor
from tests.support.potential.lammps_deck import BRICK, SMALL, TILTED, lammps_command, refused

pytestmark = pytest.mark.xdist_group("aotinductor")  # the package is compiled once

ALONE = Atoms("Li", positions=[(1.0, 1.0, 1.0)], cell=20.0 * np.eye(3))
FAR_APART = Atoms("LiCl", positions=[(1.0, 1.0, 1.0), (10.0, 10.0, 10.0)], cell=20.0 * np.eye(3))


slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("atoms", "ranks"),
    [
        pytest.param(BRICK, 1, id="brick"),
        pytest.param(BRICK, 2, id="brick, two ranks"),
        pytest.param(ALONE, 1, id="one atom"),
        pytest.param(TILTED, 2, id="tilted, two ranks", marks=slow),
        pytest.param(SMALL, 2, id="small, two ranks", marks=slow),
        pytest.param(FAR_APART, 1, id="no edge", marks=slow),
        pytest.param(FAR_APART, 2, id="no edge, two ranks", marks=slow),
    ],
)
def test_same_as_torchscript(deck, thin_torchscript, aotinductor64, atoms, ranks):
    deck.model = thin_torchscript
    assert_same(deck, aotinductor64, atoms, ranks)


@slow
@pytest.mark.parametrize("ranks", [1, 2])
def test_two_layers(deck, tiny_model, tmp_path, ranks):
    """Beyond the ghosts of a ghost: what reaches an atom through another of another rank."""
    package = tmp_path / "two.pt2"
    export_aotinductor(tiny_model, head="target", dtype="float64", out=package)
    assert_same(deck, package, BRICK, ranks)


def assert_same(deck, package, atoms, ranks):
    expected = deck.run(atoms)
    deck.model = package
    found = deck.run(atoms, ranks=ranks)
    assert found[0][0] == pytest.approx(expected[0][0], abs=1e-9)
    np.testing.assert_allclose(found[0][1:], expected[0][1:], rtol=1e-9, atol=1e-2)
    np.testing.assert_allclose(found[1][:, 3:7], expected[1][:, 3:7], rtol=0, atol=1e-9)


def made_for(package: Path, out: Path, **changes: str) -> Path:
    """A copy of a package with another place of origin in its metadata."""
    with zipfile.ZipFile(package) as source, zipfile.ZipFile(out, "w") as target:
        for item in source.infolist():
            content = source.read(item)
            if item.filename.endswith("_metadata.json"):
                content = json.dumps(json.loads(content) | changes).encode()
            target.writestr(item, content)
    return out


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ()),
        ({"torch": "1.13.1"}, ("torch 1.13.1",)),
        ({"device": "cuda"}, ("device cuda", "on cpu")),
        ({"machine": "riscv64"}, ("riscv64",)),
        ({"cpu_flags": "avx2 avx512_of_tomorrow"}, ("avx512_of_tomorrow", "lacks")),
        ({"mlipsse_format": "7"}, ("format is 7",)),
    ],
    ids=lambda value: next(iter(value), "unchanged") if isinstance(value, dict) else "",
)
def test_made_for_something_else(
    run_deck, tmp_path, aotinductor64, thin_torchscript, changes, words
):
    """Refused with the command that makes the right one; with `fallback`, the .pt beside it."""
    package = made_for(aotinductor64, tmp_path / "there.pt2", **changes)
    pair_coeff = f'pair_coeff * * "{package}" Li Cl'
    result = run_deck(pair_coeff=pair_coeff, pair_style="pair_style mace device cpu")
    if not changes:
        assert result[0] == 0, result[1]
        return
    refused(result, "there.pt2", *words)
    if "mlipsse_format" in changes:
        return
    refused(result, "potential export", "--head target", "--dtype float64", "fallback")
    missing = run_deck(pair_coeff=pair_coeff, pair_style="pair_style mace device cpu fallback")
    refused(missing, "there.pt", "no such file")
    shutil.copyfile(thin_torchscript, tmp_path / "there.pt")
    status, screen = run_deck(
        pair_coeff=pair_coeff, pair_style="pair_style mace device cpu fallback"
    )
    assert status == 0, screen
    assert "WARNING" in screen
    assert "is not used" in screen
    assert "there.pt is used instead" in screen


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a file system in memory with some options, and takes it away at the end."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("file systems cannot be mounted here")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("noexec", "failed to map segment"),
        ("size=64k", "failed"),
        (None, "Not a directory"),
    ],
    ids=["noexec", "full", "a file"],
)
def test_no_room_to_unpack(
    run_deck, monkeypatch, tmp_path, aotinductor64, small_disk, options, reason
):
    """Another folder is taken, with a warning that states what is wrong with TMPDIR."""
    folder = small_disk(options) if options else tmp_path / "file"
    folder.is_dir() or folder.touch()
    monkeypatch.setenv("TMPDIR", str(folder))
    pair_coeff = f'pair_coeff * * "{aotinductor64}" Li Cl'
    status, screen = run_deck(pair_coeff=pair_coeff)
    assert status == 0, screen
    warning = next(line for line in screen.splitlines() if "cannot be unpacked" in line)
    for words in ("WARNING", str(folder), reason, "instead", "set TMPDIR"):
        assert words in warning
    assert not folder.is_dir() or not list(folder.iterdir())


def test_nothing_is_left_behind(run_deck, tmp_path, aotinductor64):
    """Neither by a run that ends, nor by one that is killed while it runs."""
    folder = tmp_path / "unpacked"
    folder.mkdir()
    pair_coeff = f'pair_coeff * * "{aotinductor64}" Li Cl'
    status, screen = run_deck(pair_coeff=pair_coeff)
    assert status == 0, screen
    (tmp_path / "deck.lmp").write_text(
        (tmp_path / "deck.lmp").read_text().replace("run 0", "fix 1 all nve\nrun 100000000")
    )
    running = subprocess.Popen(
        [*lammps_command(1), "-in", "deck.lmp"],
        cwd=tmp_path,
        env=lammps.environment(1) | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert any(line.startswith("MACE model") for line in running.stdout)
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
    assert list(folder.iterdir()) == []


def test_another_potential_does_not_stand_in(run_deck, tmp_path, aotinductor64, torchscript):
    package = made_for(aotinductor64, tmp_path / "there.pt2", torch="1.13.1")
    shutil.copyfile(torchscript, tmp_path / "there.pt")
    result = run_deck(
        pair_coeff=f'pair_coeff * * "{package}" Li Cl', pair_style="pair_style mace fallback"
    )
    refused(result, "there.pt cannot stand in for", "number of layers")


def test_a_package_that_fails_falls_back(run_deck, tmp_path, aotinductor64, thin_torchscript):
    """Whatever it is: here its library is none, and it is torn."""
    shutil.copyfile(thin_torchscript, tmp_path / "there.pt")
    package = tmp_path / "there.pt2"
    with zipfile.ZipFile(aotinductor64) as source, zipfile.ZipFile(package, "w") as target:
        for item in source.infolist():
            is_library = item.filename.endswith(".so")
            target.writestr(item, b"no library" if is_library else source.read(item))
    pair_coeff = f'pair_coeff * * "{package}" Li Cl'
    refused(run_deck(pair_coeff=pair_coeff), "Error in dlopen", "potential export", "--head target")
    for content in (package.read_bytes(), aotinductor64.read_bytes()[:5000]):
        package.write_bytes(content)
        status, screen = run_deck(pair_coeff=pair_coeff, pair_style="pair_style mace fallback")
        assert status == 0, screen
        assert "there.pt2 is not used" in screen
        assert "there.pt: TorchScript" in screen


def test_torn_package(run_deck, tmp_path, aotinductor64):
    torn = tmp_path / "torn.pt2"
    torn.write_bytes(aotinductor64.read_bytes()[:5000])
    refused(run_deck(pair_coeff=f'pair_coeff * * "{torn}" Li Cl'), "torn.pt2", "not a whole")
    wrong = tmp_path / "wrong.pt2"
    wrong.write_text("not a package")
    refused(run_deck(pair_coeff=f'pair_coeff * * "{wrong}" Li Cl'), "wrong.pt2", "not a whole")


@pytest.mark.parametrize("threads", [1, 2])
def test_code_for_one_thread_warns_when_it_gets_more(deck, tmp_path, aotinductor64, threads):
    deck.model = made_for(aotinductor64, tmp_path / "alone.pt2", threads="1")
    deck.environment["OMP_NUM_THREADS"] = str(threads)
    status, screen, _ = deck.attempt(BRICK)
    assert status == 0, screen
    assert ("was compiled for one thread and uses no more of the 2" in screen) == (threads == 2)
