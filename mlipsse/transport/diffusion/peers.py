"""Diffusivities as other packages compute them, for comparison with the literature."""

import contextlib
import io
import warnings

import numpy as np

from mlipsse.errors import MlipsseError


def pymatgen_diffusivity(positions: np.ndarray, *, frame_spacing_ps: float) -> tuple[float, float]:
    """D and its error by pymatgen-analysis-diffusion's `DiffusionAnalyzer`, `smoothed="max"`.

    Its error takes the MSDs at all lags as independent and is far too small; it is here because
    published errors are often of this kind.

    Parameters
    ----------
    positions : (n_frames, n_ions, 3), Å, unwrapped, drift removed
    frame_spacing_ps : time between frames, ps

    Returns
    -------
    D and its standard error, cm²/s

    Raises
    ------
    MlipsseError
        when the package is not installed or refuses the trajectory.
    """
    try:
        from pymatgen.analysis.diffusion.analyzer import DiffusionAnalyzer
    except ImportError as error:
        raise MlipsseError(
            "pymatgen's numbers need pymatgen-analysis-diffusion: pip install 'mlipsse[peers]'."
        ) from error
    from pymatgen.core import Lattice, Structure

    moved = np.asarray(positions, dtype=float)
    moved = moved - moved[0]
    # Its displacements are drift-corrected by the atoms that do not move: one of them is added.
    n_ions = moved.shape[1]
    moved = np.concatenate([moved.transpose(1, 0, 2), np.zeros((1, len(moved), 3))])
    structure = Structure(
        Lattice.cubic(100.0),
        ["Li"] * n_ions + ["Cl"],
        np.random.default_rng(0).random((n_ions + 1, 3)),
    )
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            analyser = DiffusionAnalyzer(
                structure,
                moved,
                "Li",
                temperature=300,
                time_step=frame_spacing_ps * 1e3,  # type: ignore[arg-type]
                step_skip=1,
                smoothed="max",
            )
    except Exception as error:
        raise MlipsseError(
            f"pymatgen refuses the trajectory ({type(error).__name__}: {error})."
        ) from error
    return float(analyser.diffusivity), float(analyser.diffusivity_std_dev)


def kinisi_diffusivity(
    positions: np.ndarray, *, frame_spacing_ps: float, start_ps: float, seed: int = 1
) -> tuple[float, float]:
    """Mean and standard deviation of kinisi's posterior of D (McCluskey et al. 2025).

    doi 10.1021/acs.jctc.4c01249. Parameters as `pymatgen_diffusivity`; `start_ps` is where the
    motion is taken as diffusive.
    """
    try:
        import scipp as sc
        from kinisi.analyze import DiffusionAnalyzer
    except ImportError as error:
        raise MlipsseError("kinisi's numbers need kinisi: pip install 'mlipsse[peers]'.") from error
    from ase import Atoms

    n_ions = positions.shape[1]
    # A still atom for its drift correction, in a cell so large that nothing is ever wrapped.
    frames = [
        Atoms(
            ["Li"] * n_ions + ["Cl"],
            np.concatenate([frame, np.zeros((1, 3))]),
            cell=[1e5] * 3,
            pbc=True,
        )
        for frame in np.asarray(positions, dtype=float) - positions[0] + 5e4
    ]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            analyser = DiffusionAnalyzer.from_ase(
                trajectory=frames,
                specie="Li",
                time_step=frame_spacing_ps * sc.Unit("ps"),
                step_skip=1 * sc.units.dimensionless,
                progress=False,
            )
            analyser.diffusion(
                start_ps * sc.Unit("ps"),
                progress=False,
                random_state=np.random.RandomState(seed),
            )
            found = analyser.D.to(unit="cm^2/s", copy=False)
    except Exception as error:
        raise MlipsseError(
            f"kinisi refuses the trajectory ({type(error).__name__}: {error})."
        ) from error
    return float(np.mean(found.values)), float(np.std(found.values))
