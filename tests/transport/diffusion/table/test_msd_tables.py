"""Tables of MSDs: units and columns from their heads, D against the walk's, errors that hold."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.transport.diffusion.displacement.msd import mean_squared_displacement
from mlipsse.transport.diffusion.table import reading as msd_table
from mlipsse.transport.diffusion.table.fit import fit_table
from mlipsse.transport.diffusion.table.reading import MsdTable, TableUnits, read_msd_table

SPACING_PS, D_CM2_S, N_IONS, N_FRAMES = 0.5, 4e-5, 24, 400


def walk(seed: int) -> np.ndarray:
    """(n_frames, n_ions, 3): hops of 3 Å at the rate of D, and vibrations."""
    rng = np.random.default_rng(seed)
    rate = 6 * D_CM2_S * 1e4 / 9 * SPACING_PS  # hops per frame
    steps = 3.0 * np.concatenate([np.eye(3), -np.eye(3)])
    moves = np.zeros((N_FRAMES, N_IONS, 3))
    for _ in range(8):
        moves += steps[rng.integers(0, 6, moves.shape[:2])] * (
            rng.random(moves.shape[:2])[..., None] < rate / 8
        )
    return moves.cumsum(axis=0) + rng.normal(0, 0.1, moves.shape)


@pytest.fixture(scope="module")
def curve() -> tuple[np.ndarray, np.ndarray]:
    msd = mean_squared_displacement(walk(1), frame_spacing_ps=SPACING_PS)
    return msd.lag_ps[1:201], msd.tensor_A2[1:201, :3]


def rows(*columns: np.ndarray, mark: str = ",") -> str:
    return "\n".join(mark.join(f"{x:.8g}" for x in row) for row in np.column_stack(columns)) + "\n"


def tables(lags: np.ndarray, parts: np.ndarray) -> dict[str, tuple[str, dict[str, object]]]:
    total = parts.sum(axis=1)
    return {
        "si.csv": ("lag time (ps),MSD (Å^2)\n" + rows(lags, total), {}),
        "si-fs.csv": ("Time / fs;MSD / nm^2\n" + rows(lags * 1e3, total / 100, mark=";"), {}),
        "bare.csv": ("dt,msd\n" + rows(lags, total), {"time": "ps", "length": "A"}),
        "none.dat": (rows(lags, total, mark=" "), {"time": "ps", "length": "A"}),
        "kinisi.csv": ("dt_ps,msd_A2,msd_std_A2\n" + rows(lags, total, 0.1 * total), {}),
        "msd.out": (rows(lags, *parts.T, *parts.T, mark=" "), {}),
        "comment.txt": ("# t (ns)  MSD (A2)\n" + rows(lags * 1e-3, total, mark="  "), {}),
        "tab.tsv": ('"tau [ps]"\t"MSD [Å²]"\n' + rows(lags, total, mark="\t"), {}),
        "x.xvg": (
            '# gmx msd\n@    xaxis  label "tau (ps)"\n@    yaxis  label "MSD (nm\\\\S2\\\\N)"\n'
            "@TYPE xy\n".replace("\\\\", "\\")
            + rows(lags, total / 100, mark="  "),
            {},
        ),
        "many.csv": (
            "t (ps),MSD 600 K (Å2),MSD 700 K (Å2)\n" + rows(lags, total, 2 * total),
            {"columns": (1, 2)},
        ),
        "ours.csv": (
            "lag_ps,msd_A2,xx_A2,yy_A2,framework_msd_A2,collective_msd_A2,msd_Cl_A2\n"
            + rows(lags, total, *parts.T[:2], total, total, total),
            {},
        ),
        "xyz.csv": ("time (ps),MSD_x (Å2),MSD_y (Å2),MSD_z (Å2)\n" + rows(lags, *parts.T), {}),
        "lammps.msd": (
            "# Time-averaged data for fix msd\n# TimeStep c_msd[4]\n"
            + rows(lags * 500, total, mark=" "),
            {"timestep_fs": 2.0, "length": "A", "columns": (1, 2)},
        ),
    }


@pytest.mark.parametrize("name", tables(np.arange(3.0), np.zeros((3, 3))))
def test_tables_are_the_curve(tmp_path: Path, curve: tuple, name: str) -> None:
    text, options = tables(*curve)[name]
    (tmp_path / name).write_text("\ufeff" + text if name == "si.csv" else text, encoding="utf-8")
    found = read_msd_table(tmp_path / name, TableUnits(**options))
    np.testing.assert_allclose(found.lag_ps, curve[0], rtol=1e-6)
    np.testing.assert_allclose(found.msd_A2, curve[1].sum(axis=1), rtol=1e-6)
    assert (found.std_A2 is not None) == (name == "kinisi.csv")
    assert found.one_origin == (name == "lammps.msd")


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("dt,msd\n{rows}", {}, "does not name the unit of time of its column 'dt'"),
        ("dt (ps),msd\n{rows}", {}, "does not name the unit of length of its column 'msd'"),
        ("dt (ps),msd (A2)\n{rows}", {"time": "fs"}, "in another unit than the given fs"),
        ("dt (ps),msd (A2)\n{rows}", {"time": "h"}, "'h' is not a unit of time"),
        (
            "t (ps),MSD 600 K (Å2),MSD 700 K (Å2)\n{three}",
            {},
            r"does not determine the columns.*--columns 1,2",
        ),
        ("dt (ps),msd (A2)\n3,1\n2,1\n1,1\n", {}, "must rise and be at least 6"),
        ("dt (ps),msd (A2)\n{rows}\n1,2,3\n", {}, "a row has 3 numbers, and those before 2"),
        ("dt (ps),msd (A2)\n{rows}words, words\n", {}, "is damaged: 'words, words' stands"),
        ("dt (ps),msd (A2)\n1,-1\n{rows}", {}, "an MSD is negative"),
        ("TimeStep msd\n{blank}", {"length": "A"}, "lists steps, not times"),
        ("", {}, "contains no table of numbers"),
    ],
)
def test_what_a_table_leaves_open(
    tmp_path: Path, curve: tuple, text: str, options: dict[str, str], words: str
) -> None:
    lags, total = curve[0], curve[1].sum(axis=1)
    path = tmp_path / "x.csv"
    path.write_text(
        text.format(
            rows=rows(lags + 2, total),
            three=rows(lags, total, total),
            blank=rows(lags, total, mark=" "),
        )
    )
    with pytest.raises(MlipsseError, match=words):
        read_msd_table(path, TableUnits(**options))


def test_the_error_of_a_table_holds() -> None:
    """Of 60 walks the standardised errors have a spread of 1, with all origins and with one."""
    every, single = [], []
    for seed in range(60):
        positions = walk(100 + seed)
        msd = mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS)
        lags = msd.lag_ps[1:201]
        table = MsdTable(lags, msd.total_A2[1:201], None, ())
        run = {"n_ions": N_IONS, "duration_ps": (N_FRAMES - 1) * SPACING_PS}
        fit = fit_table(table, **run)
        if fit.reason is None:
            every.append((fit.diffusivity_cm2_s - D_CM2_S) / fit.diffusivity_std_cm2_s)
        since = ((positions - positions[0]) ** 2).sum(axis=2).mean(axis=1)[1:]
        fit = fit_table(
            MsdTable(SPACING_PS * np.arange(1, N_FRAMES), since, None, (), one_origin=True), **run
        )
        if fit.reason is None:
            single.append((fit.diffusivity_cm2_s - D_CM2_S) / fit.diffusivity_std_cm2_s)
    assert len(every) > 50
    assert len(single) > 40  # the line of one origin is often bent
    for standardised in (every, single):
        assert 0.7 < np.std(standardised) < 1.3
        assert abs(np.mean(standardised)) < 0.5


def test_errors_of_the_msds_bound_that_of_D(curve: tuple) -> None:
    """Whatever their correlation: errors that grow with the MSD itself give the same share of D."""
    lags, total = curve[0], curve[1].sum(axis=1)
    fit = fit_table(MsdTable(lags, total, 0.1 * total, ()))
    assert fit.diffusivity_std_cm2_s >= 0.1 * fit.diffusivity_cm2_s
    assert fit.diffusivity_std_cm2_s < 0.5 * fit.diffusivity_cm2_s
    none = fit_table(MsdTable(lags, total, None, ()))
    assert none.diffusivity_std_cm2_s is None
    assert "without an error" in none.basis


def test_tables_without_diffusion() -> None:
    lags = 0.5 * np.arange(1, 200)
    for values, words in (
        (np.full(len(lags), 1.2), "too little motion"),
        (6 + 0.002 * lags, "not diffusive: d ln MSD"),
        (0.05 * lags**2, "not diffusive: d ln MSD / d ln lag is 2.00"),
    ):
        assert words in str(fit_table(MsdTable(lags, values, None, ())).reason)
    with pytest.raises(MlipsseError, match=r"require each other\. Give both, or none"):
        fit_table(MsdTable(lags, lags, None, ()), n_ions=3)
    with pytest.raises(MlipsseError, match="last as long as"):
        fit_table(MsdTable(lags, lags, None, ()), n_ions=3, duration_ps=5)


def test_the_command_feeds_arrhenius(tmp_path: Path, curve: tuple) -> None:
    lags, total = curve[0], curve[1].sum(axis=1)
    answers = []
    for temperature, factor in ((600, 1.0), (700, 2.0), (800, 3.5)):
        path = tmp_path / f"{temperature}.csv"
        path.write_text("lag (ps),MSD (A^2)\n" + rows(lags, factor * total))
        done = CliRunner().invoke(
            app, ["transport", "fit-msd", str(path), "--temperature", str(temperature),
                  "--mobile", "Li", "--ions", "24", "--duration", "199.5", "--json"],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        answers.append(json.loads(done.output))
        (tmp_path / f"{temperature}.json").write_text(done.output)
    assert abs(answers[0]["diffusivity_cm2_s"] - D_CM2_S) < 3 * answers[0]["diffusivity_std_cm2_s"]
    files = [str(tmp_path / f"{t}.json") for t in (600, 700, 800)]
    done = CliRunner().invoke(app, ["transport", "arrhenius", *files, "--json"])
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.output)["compositions"]
    ratio = answers[2]["diffusivity_cm2_s"] / answers[0]["diffusivity_cm2_s"]
    by_hand = np.log(ratio) * 8.617333e-5 / (1 / 600 - 1 / 800)
    assert found["activation_energy_eV"] == pytest.approx(by_hand, rel=0.05)
    shown = CliRunner().invoke(
        app, ["transport", "fit-msd", str(tmp_path / "600.csv"), "--temperature", "600"]
    )
    assert "without an error" in shown.output
    refused = CliRunner().invoke(
        app, ["transport", "diffusivity", str(tmp_path / "600.csv"), "--mobile", "Li"]
    )
    assert "mlipsse transport fit-msd" in str(refused.exception)


def test_a_small_msd_is_stated_to_show_nothing_of_cages(tmp_path: Path) -> None:
    """As long as ions in cages can reach it: in text, in JSON and in `arrhenius`."""
    files = []
    for temperature, slope in ((600, 0.1), (700, 0.3), (800, 0.9)):  # to 11, 31 and 91 Å²
        path = tmp_path / f"{temperature}.csv"
        lags = 0.5 * np.arange(1, 401)
        path.write_text("lag (ps),MSD (A^2)\n" + rows(lags, 1 + slope * lags))
        arguments = ["transport", "fit-msd", str(path), "--temperature", str(temperature)]
        caged = slope * 100 < 22.5
        shown = CliRunner().invoke(app, arguments)
        assert ("Caution: judged by the MSD alone, cages cannot be" in shown.output) is caged
        done = CliRunner().invoke(app, [*arguments, "--json"])
        assert bool(json.loads(done.output)["cautions"]) is caged
        files.append(tmp_path / f"{temperature}.json")
        files[-1].write_text(done.output)
    done = CliRunner().invoke(app, ["transport", "arrhenius", *map(str, files), "--json"])
    (found,) = json.loads(done.output)["compositions"]
    stated = [words for words in found["cautions"] if "cages cannot be excluded" in words]
    assert len(stated) == 1
    assert stated[0].startswith("600.json: ")


@pytest.mark.parametrize("name", ["msd_x_A2", "MSD_xx (A^2)", "c_msd[1]"])
def test_an_msd_of_one_direction_is_not_that_of_three(
    tmp_path: Path, curve: tuple[np.ndarray, np.ndarray], name: str
) -> None:
    lags, parts = curve
    path = tmp_path / "x.csv"
    path.write_text(f"lag_ps,{name}\n" + rows(lags, parts[:, 0]))
    table = read_msd_table(path, TableUnits(length="A"))
    with pytest.raises(MlipsseError, match="hold 1 of the three directions"):
        fit_table(table)
    along = fit_table(table, dimensions=1)
    assert along.diffusivity_cm2_s == pytest.approx(D_CM2_S, rel=0.4)


def test_a_table_with_an_index_of_its_rows(
    tmp_path: Path, curve: tuple[np.ndarray, np.ndarray]
) -> None:
    lags, parts = curve
    path = tmp_path / "pandas.csv"
    path.write_text(",lag_ps,msd_A2\n" + rows(np.arange(len(lags)), lags, parts.sum(axis=1)))
    assert read_msd_table(path).columns == ("lag_ps", "msd_A2")


def test_times_that_do_not_begin_at_a_run(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    path.write_text("time_ps,msd_A2\n" + rows(1000 + np.arange(1, 90), np.arange(1.0, 90)))
    assert "its lags begin at 1e+03 ps" in str(fit_table(read_msd_table(path)).reason)


def test_a_table_that_is_cut_is_refused(
    tmp_path: Path, curve: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last number of a torn file may be the beginning of another one."""
    lags, parts = curve
    text = ("lag_ps,msd_A2\n" + rows(lags, parts.sum(axis=1))).encode()
    whole = gzip.compress(text)
    (tmp_path / "x.csv.gz").write_bytes(whole)
    assert len(read_msd_table(tmp_path / "x.csv.gz").lag_ps) == len(lags)
    (tmp_path / "x.csv.gz").write_bytes(whole[: 2 * len(whole) // 3])
    with pytest.raises(MlipsseError, match="torn: the end of the table is lost"):
        read_msd_table(tmp_path / "x.csv.gz")
    (tmp_path / "x.csv").write_bytes(text)
    monkeypatch.setattr(msd_table, "MOST_BYTES", len(text) - 1)
    with pytest.raises(MlipsseError, match="the longest table that is read"):
        read_msd_table(tmp_path / "x.csv")
