"""What `pair_style mace` asks of symmetrix-xl, when LAMMPS runs in this Python.

The wheel computes for a list of edges, but in Python alone: its C++ has no interface. So the pair
style is given the functions here (`SymmetrixFunctions` in cmake/symmetrix_model.cpp), and hands
them its edges. Some methods of the wheel's evaluator that they call are not public; they are those
of version 0.1.1, and no other version is used.
"""

import ctypes
import os
import warnings
from collections.abc import Callable
from ctypes import POINTER, c_char, c_double, c_int, c_void_p
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mlipsse.errors import MlipsseError, first_line
from mlipsse.potential.export.other_engines.symmetrix import PACKAGE

VERSION = "0.1.1"

_MOST_ELEMENTS = 120
_DESCRIPTION_BYTES = 200
_DEVICES = {0: None, 1: "cpu", 2: "cuda"}
_HOLDABLE = ("MACEKokkos", "MACEKokkosFloat")


class _Facts(ctypes.Structure):
    _fields_ = (
        ("cutoff", c_double),
        ("layers", c_int),
        ("n_elements", c_int),
        ("atomic_numbers", c_int * _MOST_ELEMENTS),
        ("description", c_char * _DESCRIPTION_BYTES),
    )


_OPEN = ctypes.CFUNCTYPE(
    c_int, ctypes.c_char_p, c_int, c_int, POINTER(_Facts), POINTER(c_char), c_int
)
_SET_GRAPH = ctypes.CFUNCTYPE(
    c_int, c_int, c_int, c_int, c_void_p, c_void_p, c_void_p, POINTER(c_char), c_int
)
_EVALUATE = ctypes.CFUNCTYPE(c_int, c_int, *[c_void_p] * 6, POINTER(c_char), c_int)
_CLOSE = ctypes.CFUNCTYPE(None, c_int)


class _Functions(ctypes.Structure):
    _fields_ = (
        ("open", _OPEN),
        ("set_graph", _SET_GRAPH),
        ("evaluate", _EVALUATE),
        ("close", _CLOSE),
    )


class Model(Protocol):
    """What computes the edges that the pair style hands over.

    Attributes
    ----------
    cutoff_A : of one layer
    layers : number of them
    atomic_numbers : of its elements, in the order of `types`
    description : version, backend and device, for the log
    """

    cutoff_A: float
    layers: int
    atomic_numbers: tuple[int, ...]
    description: str

    def set_graph(self, types: np.ndarray, counts: np.ndarray, senders: np.ndarray) -> None:
        """Take the edges of the coming steps; see `SymmetrixModel.set_graph`."""

    def evaluate(self, vectors_A: np.ndarray, distances_A: np.ndarray) -> None:
        """Compute; see `SymmetrixModel.evaluate`."""

    def energies_eV(self) -> Any:
        """(n_atoms,) of the last evaluation."""

    def forces_eV_A(self) -> np.ndarray:
        """(n_atoms, 3) of the last evaluation."""

    def strain_gradient_eV(self) -> np.ndarray:
        """(3, 3) derivative of the energy by strain, of the last evaluation."""

    def pulls_eV_A(self) -> Any:
        """(n_edges, 3) minus the derivative by every edge's vector, of the last evaluation."""


class SymmetrixModel:
    """A JSON of symmetrix-xl, evaluated for edges that others list.

    Parameters
    ----------
    path : `.symmetrix.json`, or what `symmetrix_extract_mace` wrote
    dtype : `float32` or `float64`, of the arithmetic
    device : `cpu`, `cuda`, or None for a GPU where the wheel finds one

    Raises
    ------
    MlipsseError
        when the wheel is missing or of another version, has no such device, or cannot compute the
        model for edges.
    """

    def __init__(self, path: Path, *, dtype: str, device: str | None) -> None:
        backend = _load_backend(device)
        from symmetrix import Symmetrix

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about the format, which is checked below
                calculator = Symmetrix(str(path), dtype=dtype)
        except (RuntimeError, ValueError, OSError) as error:
            raise MlipsseError(
                f"{PACKAGE} {VERSION} refuses it: {first_line(error).rstrip('.')}. It reads what "
                "mlipsse potential export --format symmetrix writes, and its first use of a model "
                "requires a C++20 compiler."
            ) from error
        self._evaluator: Any = calculator.evaluator
        _require_edges(calculator, path)
        self.cutoff_A = float(calculator.cutoff)
        self.layers = 1 if self._evaluator.single_layer_readout else 2
        self.atomic_numbers = tuple(int(z) for z in self._evaluator.atomic_numbers)
        head = f", head {calculator.head}" if calculator.head else ""
        on = "cpu" if backend["backend"] == "cpu" else f"{backend['backend']}"
        self.description = f"{PACKAGE} {VERSION} ({backend['selector']}){head} on {on}"

    def set_graph(self, types: np.ndarray, counts: np.ndarray, senders: np.ndarray) -> None:
        """Take the edges of the coming evaluations.

        Parameters
        ----------
        types : (n_atoms,) int32, places in `atomic_numbers`
        counts : (n_atoms,) int32, edges of every receiver
        senders : (n_edges,) int32, atoms, receiver after receiver
        """
        self._n_atoms, self._n_edges = len(types), len(senders)
        if self._n_edges == 0:  # which the wheel does not take
            counts = np.array([1] + [0] * (len(types) - 1), dtype=np.int32)
            senders = np.zeros(1, dtype=np.int32)
        atoms = np.arange(len(types), dtype=np.int32)
        self._edges = np.repeat(atoms, counts), senders.copy()
        self._graph = self._evaluator._prepare_factorized_graph(
            len(types), types, counts, senders, types[senders]
        )

    def evaluate(self, vectors_A: np.ndarray, distances_A: np.ndarray) -> None:
        """Compute the atoms of the graph.

        Parameters
        ----------
        vectors_A : (3 * n_edges,) float64, from receivers to senders, none longer than the cutoff
        distances_A : (n_edges,) float64, their lengths
        """
        if self._n_edges == 0:  # the first atom to itself, where the radial functions are 0
            vectors_A = np.array([self.cutoff_A, 0.0, 0.0])
            distances_A = np.array([self.cutoff_A])
        self._vectors_A = vectors_A
        self._evaluator._compute_prepared_factorized(self._graph, vectors_A, distances_A)

    def energies_eV(self) -> Any:
        """(n_atoms,) of the last evaluation."""
        return self._evaluator.node_energies[: self._n_atoms]

    def forces_eV_A(self) -> np.ndarray:
        """(n_atoms, 3) of the last evaluation."""
        forces: np.ndarray = self._evaluator._reduce_atom_forces(
            self._n_atoms, *self._edges, self._graph
        )
        return forces

    def strain_gradient_eV(self) -> np.ndarray:
        """(3, 3) derivative of the energy by strain, of the last evaluation."""
        gradient: np.ndarray = self._evaluator._reduce_stress(1.0, self._vectors_A, self._graph)
        return gradient

    def pulls_eV_A(self) -> Any:
        """(n_edges, 3) minus the derivative by every edge's vector, of the last evaluation."""
        return self._evaluator.node_forces[: 3 * self._n_edges]


class PairStyleFunctions:
    """The functions of this Python that the pair style calls; keep it as long as LAMMPS runs.

    Parameters
    ----------
    open_model : makes the model of a file for a number type and a device
    """

    def __init__(self, open_model: Callable[..., Model]) -> None:
        self._open_model = open_model
        self._models: dict[int, tuple[Model, int, int]] = {}  # with its atoms and edges
        self._table = _Functions(
            _OPEN(self._open),
            _SET_GRAPH(self._set_graph),
            _EVALUATE(self._evaluate),
            _CLOSE(self._close),
        )

    def give_to(self, plugin: Path) -> None:
        """Give the functions to the pair style in `plugin`, which LAMMPS has loaded."""
        ctypes.CDLL(str(plugin)).mlipsse_set_symmetrix(ctypes.byref(self._table))

    def _open(
        self, path: bytes, is_double: int, device: int, facts: Any, reason: Any, size: int
    ) -> int:
        number = max(self._models, default=0) + 1

        def load() -> None:
            model = self._open_model(
                Path(os.fsdecode(path)),
                dtype="float64" if is_double else "float32",
                device=_DEVICES[device],
            )
            found = facts.contents
            found.cutoff, found.layers = model.cutoff_A, model.layers
            found.n_elements = len(model.atomic_numbers)
            for place, atomic_number in enumerate(model.atomic_numbers):
                found.atomic_numbers[place] = atomic_number
            found.description = model.description.encode()[: _DESCRIPTION_BYTES - 1]
            self._models[number] = model, 0, 0

        return number if _status(load, reason, size) == 0 else 0

    def _set_graph(
        self,
        number: int,
        n_atoms: int,
        n_edges: int,
        types: int,
        counts: int,
        senders: int | None,
        reason: Any,
        size: int,
    ) -> int:
        def take() -> None:
            model = self._models[number][0]
            model.set_graph(
                _array(c_int, types, n_atoms),
                _array(c_int, counts, n_atoms),
                _array(c_int, senders, n_edges),
            )
            self._models[number] = model, n_atoms, n_edges

        return _status(take, reason, size)

    def _evaluate(
        self,
        number: int,
        vectors: int | None,
        distances: int | None,
        energies: int,
        forces: int,
        strain: int | None,
        pulls: int | None,
        reason: Any,
        size: int,
    ) -> int:
        def compute() -> None:
            model, n_atoms, n_edges = self._models[number]
            model.evaluate(
                _array(c_double, vectors, 3 * n_edges), _array(c_double, distances, n_edges)
            )
            _array(c_double, energies, n_atoms)[:] = model.energies_eV()
            _array(c_double, forces, 3 * n_atoms)[:] = model.forces_eV_A().reshape(-1)
            if strain:
                _array(c_double, strain, 9)[:] = model.strain_gradient_eV().reshape(-1)
            if pulls:
                _array(c_double, pulls, 3 * n_edges)[:] = model.pulls_eV_A()

        return _status(compute, reason, size)

    def _close(self, number: int) -> None:
        self._models.pop(number, None)


def _status(work: Callable[[], None], reason: Any, size: int) -> int:
    """0 when the work is done, else 1 and the reason: no exception can pass through LAMMPS."""
    try:
        work()
    except BaseException as error:
        words = " ".join(str(error).split()) or type(error).__name__
        text = words.encode()[: size - 1] + b"\0"
        ctypes.memmove(reason, text, len(text))
        return 1
    return 0


def _array(kind: Any, address: int | None, size: int) -> np.ndarray:
    """The `size` numbers at an address, not copied."""
    if not address or size == 0:
        return np.empty(0, dtype=np.dtype(kind))
    return np.frombuffer((kind * size).from_address(address), dtype=np.dtype(kind))


def _load_backend(device: str | None) -> dict[str, Any]:
    """Load the wheel's compiled part for a device, for the rest of this process; what it is."""
    try:
        version = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        raise MlipsseError(
            f"{PACKAGE} is not installed in this environment. Install it: pip install "
            f"{PACKAGE}=={VERSION} (and its package for your GPU: symmetrix backend install)."
        ) from None
    if version != VERSION:
        raise MlipsseError(
            f"{PACKAGE} {version} is installed, and the pair style uses functions of {VERSION} "
            f"that are not public. Install that version: pip install {PACKAGE}=={VERSION}."
        )
    # Without it the wheel warns of every start; false is what OpenMP does without it.
    os.environ.setdefault("OMP_PROC_BIND", "false")
    import symmetrix
    from symmetrix.backend_loader import select_backend

    request = None
    if device == "cpu" and select_backend(VERSION).backend != "cpu":
        request = "cpu"
    symmetrix.load_backend(request)
    loaded: dict[str, Any] | None = symmetrix.selected_backend()
    if loaded is None or (device == "cuda" and loaded["backend"] == "cpu"):
        installed = ", ".join(one["selector"] for one in symmetrix.available_backends())
        raise MlipsseError(
            f"'pair_style mace device cuda' asks for a GPU, and {PACKAGE} has no usable backend "
            f"for one (installed: {installed}). Install the one of this GPU (symmetrix backend "
            "install), or leave 'device cuda' out."
        )
    return loaded


def _require_edges(calculator: Any, path: Path) -> None:
    """Refuse a model that the wheel's evaluator does not take edges for."""
    evaluator = calculator.evaluator
    kind = type(evaluator).__name__
    if kind not in _HOLDABLE or getattr(evaluator, "has_field_coupling", False):
        raise MlipsseError(
            f"{path.name} is a model of the kind {kind}, and the pair style gives {PACKAGE} edges "
            "of ordinary MACE models alone, without fields and nonlinear blocks."
        )
    if calculator.streamed_edges != "direct":
        raise MlipsseError(
            f"{path.name} was written for another way of computing ({calculator.streamed_edges}). "
            "Write it again: mlipsse potential export BUNDLE --out BUNDLE --format symmetrix."
        )
