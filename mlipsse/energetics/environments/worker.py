"""Serves an ASE calculator to mlipsse; runs in another Python, with numpy and ASE alone.

Protocol 1, on standard input and output. A message is one line of JSON, then the raw bytes of its
arrays in little-endian order: `"arrays"` of the line lists the name, dtype and shape of each.

1. mlipsse sends `{"protocol": 1, "calculator": "module:attribute", "arguments": {...},
   "package": NAME or null}`. The attribute, dots allowed, is called with the arguments.
2. The worker answers `{"ready": true, "properties": [...], "elements": [...] or null, "version":
   ...}`, or `{"error": TEXT}` and ends.
3. mlipsse sends `{"properties": ["energy", "forces", "stress"]}` with the arrays `numbers` (n),
   `positions` (n, 3) in Å, `cell` (3, 3) in Å and `pbc` (3).
4. The worker answers with the arrays `energy` (1) in eV, `forces` (n, 3) in eV/Å and `stress` (6)
   in eV/Å³, Voigt xx yy zz yz xz xy, tension positive; or with `{"error": TEXT}`. Back to 3.

The worker ends at the end of its input. What the calculator prints goes to standard error.
"""

from __future__ import annotations  # of Pythons older than ours

import importlib
import importlib.metadata
import json
import os
import signal
import sys
from functools import reduce
from typing import IO, Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

PROTOCOL = 1


def send(
    stream: IO[bytes], message: dict[str, Any], arrays: dict[str, np.ndarray] | None = None
) -> None:
    """Write a message; the same function on both sides."""
    arrays = {name: np.ascontiguousarray(values) for name, values in (arrays or {}).items()}
    described = [[name, values.dtype.str, list(values.shape)] for name, values in arrays.items()]
    stream.write(json.dumps({**message, "arrays": described}).encode() + b"\n")
    for values in arrays.values():
        stream.write(values.tobytes())
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any] | None, dict[str, np.ndarray]]:
    """The next message and its arrays; (None, {}) at the end of the stream."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None, {}
    message = json.loads(line)
    arrays = {}
    for name, dtype, shape in message.pop("arrays"):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        raw = stream.read(size)
        if len(raw) < size:
            return None, {}
        arrays[name] = np.frombuffer(raw, dtype=dtype).reshape(shape).copy()
    return message, arrays


def make(order: dict[str, Any]) -> Any:
    """The calculator that is asked for."""
    module, _, attribute = order["calculator"].partition(":")
    factory: Any = reduce(getattr, attribute.split("."), importlib.import_module(module))
    return factory(**order["arguments"])


def elements(calculator: Any) -> list[str] | None:
    """Symbols that the calculator lists in `type_map` (number -> index), None without one."""
    known = getattr(calculator, "type_map", None)
    if not isinstance(known, dict) or not all(isinstance(key, int) for key in known):
        return None
    return sorted(chemical_symbols[number] for number in known)


def place(atoms: Atoms, arrays: dict[str, np.ndarray]) -> Atoms:
    """The structure that is asked for: `atoms` moved where it has the same atoms, else new.

    A calculator keeps its list of neighbours as long as the atoms are the same.
    """
    same = np.array_equal(atoms.numbers, arrays["numbers"])
    if not same or not np.array_equal(atoms.pbc, arrays["pbc"]):
        return Atoms(**arrays)
    atoms.set_cell(arrays["cell"])
    atoms.positions = arrays["positions"]
    return atoms


def answer(calculator: Any, message: dict[str, Any], atoms: Atoms) -> dict[str, np.ndarray]:
    """Energy, forces and stress of one structure, as asked for."""
    atoms.calc = calculator
    results = {}
    # Stress first: calculators that spare it when it is not asked for work once, not twice.
    if "stress" in message["properties"]:
        results["stress"] = np.asarray(atoms.get_stress(voigt=True), dtype="<f8")
    results["forces"] = np.asarray(atoms.get_forces(), dtype="<f8")
    results["energy"] = np.array([atoms.get_potential_energy()], dtype="<f8")
    return results


def text(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:2000]


def main() -> None:
    """Serve until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    source = sys.stdin.buffer
    order, _ = receive(source)
    if order is None:
        return
    try:
        calculator = make(order)
        package = order["package"]
        version = importlib.metadata.version(package) if package else None
    except Exception as error:
        send(output, {"error": text(error)})
        return
    properties = [str(name) for name in getattr(calculator, "implemented_properties", ())]
    send(
        output,
        {
            "ready": True,
            "properties": properties,
            "elements": elements(calculator),
            "version": version,
        },
    )
    atoms = Atoms()
    while True:
        message, arrays = receive(source)
        if message is None:
            return
        try:
            atoms = place(atoms, arrays)
            results = answer(calculator, message, atoms)
        except Exception as error:
            send(output, {"error": text(error)})
        else:
            send(output, {}, results)


if __name__ == "__main__":
    main()
