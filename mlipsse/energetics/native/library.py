"""A compiled native potential, loaded and evaluated."""

import ctypes
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError

INTERFACE = 1
_ERROR_BYTES = 400


class NativeFailure(MlipsseError, RuntimeError):
    """A structure that the code cannot evaluate, as other potentials have them."""


class NativeLibrary:
    """A shared library of native code with its weights.

    Parameters
    ----------
    library, weights : its two files

    Attributes
    ----------
    atomic_numbers : of its elements, in its order
    r_max_A : cutoff
    layers : number of them
    dtype : `float32` or `float64`

    Raises
    ------
    MlipsseError
        for a library that cannot be loaded here or has another interface, and weights that are
        missing, damaged or of another model.
    """

    def __init__(self, library: Path, weights: Path) -> None:
        try:
            self._code = _load(library)
            interface = int(self._code.mlipsse_native_interface())
        except (OSError, AttributeError) as error:
            raise MlipsseError(
                f"{library} cannot be loaded as a native potential ({error}). Compile it for this "
                "machine."
            ) from error
        if interface != INTERFACE:
            raise MlipsseError(
                f"{library} has interface {interface} and this package reads {INTERFACE}. Compile "
                "it again with this package."
            )
        self._code.mlipsse_native_about.restype = ctypes.c_char_p
        self._code.mlipsse_native_open.restype = ctypes.c_void_p
        self._code.mlipsse_native_bytes.restype = ctypes.c_double
        about: dict[str, Any] = json.loads(self._code.mlipsse_native_about())
        self.atomic_numbers = tuple(int(z) for z in about["elements"])
        self.r_max_A = float(about["r_max_A"])
        self.layers = int(about["layers"])
        self.dtype = str(about["dtype"])
        self._error = ctypes.create_string_buffer(_ERROR_BYTES)
        self._model = ctypes.c_void_p(
            self._code.mlipsse_native_open(str(weights).encode(), self._error, _ERROR_BYTES)
        )
        if not self._model:
            raise MlipsseError(self._error.value.decode())

    def __del__(self) -> None:
        if getattr(self, "_model", None):
            self._code.mlipsse_native_close(self._model)

    def evaluate(
        self,
        species: np.ndarray,
        first: np.ndarray,
        neighbours: np.ndarray,
        vectors_A: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Energies of atoms (n,) float64, eV, and their sum's gradient by the vectors, eV/Å.

        Parameters
        ----------
        species : (n,) int32, places in `atomic_numbers`
        first : (n + 1,) int64; the neighbours of atom i are ``neighbours[first[i]:first[i + 1]]``
        neighbours : (n_edges,) int32
        vectors_A : (n_edges, 3) float64, from the neighbour to the atom; none longer than the
            cutoff

        Raises
        ------
        NativeFailure
            for atoms that are on top of each other, and too little memory.
        """
        n = len(species)
        arrays: list[np.ndarray] = [
            np.ascontiguousarray(species, dtype=np.int32),
            np.ascontiguousarray(first, dtype=np.int64),
            np.ascontiguousarray(neighbours, dtype=np.int32),
            np.ascontiguousarray(vectors_A, dtype=np.float64),
        ]
        energies, gradient = np.empty(n), np.empty((len(neighbours), 3))
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in arrays]
        self._call("begin", n, n, *pointers)
        for layer in range(self.layers):
            self._call("forward", layer)
        for layer in range(self.layers - 1, -1, -1):
            self._call("backward", layer)
        out = [array.ctypes.data_as(ctypes.c_void_p) for array in (energies, gradient)]
        self._call("finish", *out)
        return energies, gradient

    @property
    def bytes(self) -> int:
        """Memory that it holds between evaluations, its weights aside."""
        return int(self._code.mlipsse_native_bytes(self._model))

    def _call(self, name: str, *arguments: Any) -> None:
        function = getattr(self._code, f"mlipsse_native_{name}")
        if function(self._model, *arguments, self._error, _ERROR_BYTES):
            raise NativeFailure(self._error.value.decode())


def _load(library: Path) -> ctypes.CDLL:
    """Load a copy: the loader of the system takes a file that was replaced for the one it knows."""
    with tempfile.TemporaryDirectory(prefix="mlipsse-native-") as folder:
        copy = Path(folder) / library.name
        shutil.copyfile(library, copy)
        return ctypes.CDLL(str(copy))
