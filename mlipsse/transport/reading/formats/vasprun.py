"""vasprun.xml of VASP, read as it streams by: structures of MD steps, by DFT or by a force field.

ASE and pymatgen read the structures inside `<calculation>` alone: of a run with machine-learned
forces (ML_LMLFF) those are the few steps that were computed by DFT (ASE 3.29).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.element_names import elements_of
from mlipsse.transport.reading.source.file_bytes import TornStream
from mlipsse.transport.reading.source.frames import OneFrame, blocks_of
from mlipsse.transport.reading.source.protocol import Source

_TAGS = ("IBRION", "POTIM", "NSW", "NBLOCK", "ML_OUTBLOCK", "ML_LMLFF", "ML_MODE", "ML_ISTART")


@dataclass(eq=False)
class _Run:
    """What a file holds on its run.

    Attributes
    ----------
    names : of the atoms
    tags : of the INCAR, as text
    by_dft, by_field : structures inside and outside of `<calculation>`
    """

    names: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    by_dft: int = 0
    by_field: int = 0
    torn: bool = False

    def number(self, tag: str) -> float | None:
        """Value of a tag; None without one."""
        found = re.search(r"-?\d+\.?\d*(?:[eE][+-]?\d+)?", self.tags.get(tag, ""))
        return None if found is None else float(found[0])

    @property
    def learns(self) -> bool:
        """Whether it used a machine-learned force field."""
        return self.by_field > 0 or self.tags.get("ML_LMLFF", "").strip().upper()[:1] == "T"


def open_vasprun(path: Path, timestep_fs: float | None) -> Source:
    """A vasprun.xml, compressed or not; what is torn at its end is left out.

    Raises
    ------
    MlipsseError
        when it holds no structure, or the structures of a run with machine-learned forces do not
        lie evenly: those of DFT steps, and others every ML_OUTBLOCK steps.
    """
    run = _Run()
    for _ in _structures(path, run):
        pass
    if not run.by_dft + run.by_field:
        raise MlipsseError(f"{path} holds no frame: no structure of an ionic step is in it.")
    spacing_ps = _spacing_ps(path, run)
    if timestep_fs is not None and spacing_ps is not None:
        potim = run.number("POTIM") or 0.0
        if abs(potim - timestep_fs) > 1e-2 * potim:
            raise MlipsseError(
                f"{path} has POTIM = {potim:g} fs, but a time step of {timestep_fs:g} fs is given: "
                "leave out the option to take the file's, or look which is right."
            )
    notes: list[str] = []

    def frames(report: list[str], heads: bool) -> Iterator[OneFrame]:
        found = _Run()
        for cell, fractions in _structures(path, found):
            yield OneFrame(fractions @ cell, cell)
        if found.torn and not heads:
            report.append(f"{path} is torn at its end: the frames up to there are read")

    return Source(
        path=path,
        inputs=(path,),
        kind="vasprun.xml",
        species=elements_of(run.names, str(path)),
        n_frames=run.by_dft + run.by_field,
        trusted=False,
        read=lambda size: blocks_of(path, frames, notes, size, run.by_dft + run.by_field),
        spacing_ps=spacing_ps,
        notes=notes,
    )


def _spacing_ps(path: Path, run: _Run) -> float | None:
    """Time between structures, ps; None for a run that is not MD, or where nothing shows it."""
    potim = run.number("POTIM")
    if run.number("IBRION") != 0 or potim is None:
        return None
    if not run.learns:
        return potim * 1e-3
    steps, written = run.number("NSW"), run.by_dft + run.by_field
    every = run.number("ML_OUTBLOCK") or run.number("NBLOCK")
    if steps == written:
        return potim * 1e-3
    if run.by_dft <= 1 < run.by_field:  # a production run; its first step may be by DFT
        known = every is not None and (steps is None or written * every <= steps + every)
        return potim * every * 1e-3 if known and every is not None else None
    what = (
        f"{run.by_dft} of them by DFT and {run.by_field} by the force field"
        if run.by_field
        else "all by DFT, and none of the steps of the force field"
    )
    raise MlipsseError(
        f"{path} is of a run with machine-learned forces (ML_LMLFF): it holds {written} "
        f"structures, {what}. They do not lie evenly in time, and POTIM = {potim:g} fs is not "
        "their spacing. Take its XDATCAR, or a run with ML_OUTBLOCK = 1."
    )


def _structures(path: Path, run: _Run) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cell and fractions of every ionic step; fills in what the file holds on its run."""
    pulled: Any = ElementTree.XMLPullParser(events=("start", "end"))
    open_tags: list[Any] = []
    with BufferedReader(TornStream(path), 1 << 20) as stream:
        while True:
            data = stream.read(1 << 20)
            try:
                if data:
                    pulled.feed(data)
                for event, element in pulled.read_events():
                    if event == "start":
                        open_tags.append(element)
                        continue
                    open_tags.pop()
                    found = _ended(element, open_tags, run)
                    if found is not None:
                        yield found
            except ElementTree.ParseError as error:
                raise MlipsseError(f"{path} cannot be read as XML ({error}).") from error
            if not data:
                run.torn = bool(open_tags)
                return


def _ended(element: Any, parents: list[Any], run: _Run) -> tuple[np.ndarray, np.ndarray] | None:
    """What an element that ends adds: a tag, the atoms, or the structure of an ionic step."""
    tag, name = element.tag, element.get("name")
    if tag in ("i", "v") and name in _TAGS and parents and parents[0].tag == "modeling":
        run.tags.setdefault(name, element.text or "")
    elif tag == "array" and name == "atoms":
        run.names = [(row.findtext("c") or "").strip() for row in element.iter("rc")]
    elif tag == "structure" and name is None and len(parents) in (1, 2):
        inside = parents[-1].tag
        if inside not in ("calculation", "modeling"):
            return None
        basis = element.find("crystal/varray[@name='basis']")
        places = element.find("varray[@name='positions']")
        if basis is None or places is None:
            return None
        found = _rows(basis), _rows(places)
        element.clear()
        if inside == "calculation":
            run.by_dft += 1
        else:
            run.by_field += 1
            parents[-1].clear()
        return found
    elif tag in ("calculation", "scstep", "dos", "eigenvalues", "projected", "dynmat"):
        element.clear()
        if tag == "calculation" and parents:
            parents[-1].clear()
    return None


def _rows(varray: Any) -> np.ndarray:
    words = " ".join(row.text or "" for row in varray.iter("v")).split()
    return np.array(words, dtype=float).reshape(-1, 3)
