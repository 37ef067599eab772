import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import iread, write

from mlipsse import keys
from mlipsse.errors import MlipsseError
from mlipsse.training.replay_set import filtering as replay
from mlipsse.training.replay_set.filtering import (
    MP_MODELS,
    MP_REPLAY_URL,
    ReplaySet,
    fetch_mp_replay,
    mp_replay_path,
    select_replay,
)

KNOWN = frozenset({"Li", "Na", "Cl", "Br"})
OWN = {"Li", "Cl"}


def frame(first: str, second: str, *, number: int) -> Atoms:
    """Rattled rock salt with made-up labels under the names that ASE writes by itself."""
    atoms = bulk(first + second, "rocksalt", a=5.3, cubic=True)
    atoms.rattle(0.05, seed=number)
    rng = np.random.default_rng(number)
    atoms.calc = SinglePointCalculator(
        atoms,
        energy=-30.0 - number,
        forces=rng.normal(size=(len(atoms), 3)),
        stress=rng.normal(size=6),
    )
    return atoms


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """40 usable frames, 10 of them of our own elements, among others that must be left out."""
    frames = []
    for number in range(40):
        names = ("Li", "Cl") if number % 4 == 1 else ("Na", "Br" if number % 2 else "Cl")
        frames.append(frame(*names, number=number))
    unlabelled = frame("Li", "Cl", number=90)
    unlabelled.calc = None
    without_stress = frame("Li", "Cl", number=91)
    del without_stress.calc.results["stress"]
    not_finite = frame("Li", "Cl", number=92)
    not_finite.calc.results["energy"] = float("nan")
    isolated = frame("Li", "Cl", number=93)
    isolated.info["config_type"] = "IsolatedAtom"
    foreign = frame("K", "Cl", number=94)
    left_out = [unlabelled, without_stress, not_finite, isolated, foreign]
    path = tmp_path / "mp.xyz"
    write(path, [*left_out[:2], *frames[:20], *left_out[2:], *frames[20:]], format="extxyz")
    return path


def energies(drawn: ReplaySet) -> list[float]:
    return [frame.info[keys.ENERGY] for frame in drawn.frames]


def select(source: Path, count: int, *, seed: int = 1) -> ReplaySet:
    return select_replay(source, known=KNOWN, own=OWN, count=count, seed=seed)


def test_frames_of_our_elements_come_first_and_others_fill_up(source: Path) -> None:
    drawn = select(source, 25)
    assert (len(drawn.frames), drawn.own, drawn.source_frames) == (25, 10, 40)
    ours = {-30.0 - number for number in range(1, 40, 4)}
    assert ours < set(energies(drawn))
    assert len(set(energies(drawn))) == 25
    assert energies(drawn) == sorted(energies(drawn), reverse=True)  # the file's order


def test_the_split_is_that_of_mace_torch(source: Path) -> None:
    from mace.cli.fine_tuning_select import FilteringType, filter_atoms

    drawn = select(source, 25)
    theirs = [filter_atoms(f, sorted(OWN), FilteringType.COMBINATIONS) for f in drawn.frames]
    assert sum(theirs) == drawn.own


def test_fewer_than_our_own_are_drawn_at_random_from_them(source: Path) -> None:
    drawn = select(source, 4)
    assert drawn.own == len(drawn.frames) == 4
    assert energies(drawn) == energies(select(source, 4))
    assert any(energies(drawn) != energies(select(source, 4, seed=seed)) for seed in (2, 3, 4))


def test_all_are_taken_when_there_are_no_more(source: Path) -> None:
    assert len(select(source, 10_000).frames) == 40


def test_labels_are_those_of_the_file_under_our_keys(source: Path) -> None:
    wanted = {
        float(f.calc.results["energy"]): f.calc.results
        for f in iread(source, index=":")
        if f.calc is not None
    }
    for drawn in select(source, 40).frames:
        results = wanted[drawn.info[keys.ENERGY]]
        np.testing.assert_array_equal(drawn.arrays[keys.FORCES], results["forces"])
        np.testing.assert_array_equal(drawn.info[keys.STRESS], results["stress"])
        assert set(drawn.info) == {keys.ENERGY, keys.STRESS}
        assert drawn.pbc.all()


def test_every_frame_is_as_likely_as_its_like(source: Path) -> None:
    """Of 30 others 15 are drawn: in 200 draws each about 100 times (deviation 7)."""
    times = dict.fromkeys([-30.0 - n for n in range(40)], 0)
    for seed in range(200):
        for energy in energies(select(source, 25, seed=seed)):
            times[energy] += 1
    others = [count for energy, count in times.items() if count < 200]
    assert len(others) == 30
    assert sum(others) == 200 * 15
    assert 65 < min(others) <= max(others) < 135


def test_a_file_without_usable_frames_is_refused(source: Path) -> None:
    with pytest.raises(MlipsseError, match="no frame with energy, forces and stress"):
        select_replay(source, known={"Fe"}, own={"Fe"}, count=5, seed=1)
    source.write_text("<html>not found</html>\n")
    with pytest.raises(MlipsseError, match=r"cannot be read.*Remove it"):
        select(source, 5)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache" / "mace" / "mp_traj_combinedxyz"


def test_url_and_models_are_those_of_this_mace_torch() -> None:
    import inspect

    from mace.calculators.foundations_models import mace_mp_urls
    from mace.tools import multihead_tools

    assert MP_REPLAY_URL in inspect.getsource(multihead_tools.assemble_replay_data)
    assert set(MP_MODELS) < set(mace_mp_urls)


def test_it_is_downloaded_once_into_the_cache_of_mace_torch(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "MP_REPLAY_URL", (source.parent / "mp_traj_combined.xyz").as_uri())
    contents = source.rename(source.parent / "mp_traj_combined.xyz").read_bytes()
    assert mp_replay_path() == cache
    assert fetch_mp_replay() == cache
    assert cache.read_bytes() == contents
    (source.parent / "mp_traj_combined.xyz").unlink()
    assert fetch_mp_replay() == cache


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A web server on this machine that gives one answer."""
    servers = []

    def start(status: int, headers: dict[str, str], body: bytes) -> None:
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/mp_traj_combined.xyz"
        monkeypatch.setattr(replay, "MP_REPLAY_URL", url)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (404, {}, "404"),
        (200, {"Content-Type": "text/html"}, "sent a web page"),
        (200, {"Content-Length": "1000"}, "7 of 1000 bytes came"),
    ],
)
def test_a_refused_download_states_how_to_fetch_it_by_hand(
    status: int,
    headers: dict[str, str],
    reason: str,
    cache: Path,
    serve: Callable[..., None],
) -> None:
    serve(status, headers, b"7 bytes")
    with pytest.raises(MlipsseError, match=reason) as refusal:
        fetch_mp_replay()
    assert f"put it at {cache}" in str(refusal.value)
    assert not any(path.is_file() for path in cache.parent.rglob("*"))


def test_without_a_network_it_states_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        port = server.server_port
    url = f"http://127.0.0.1:{port}/mp_traj_combined.xyz"  # no server listens there any more
    monkeypatch.setattr(replay, "MP_REPLAY_URL", url)
    with pytest.raises(MlipsseError, match=r"cannot be downloaded.*Connect this machine"):
        fetch_mp_replay()
