"""A pair model as a JSON file that a person can read."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.orderings.host.model import Host
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.pairs.orbits import PairClusters, find_pair_clusters
from mlipsse.orderings.thermal.pairs.report import FitReport

_FORMAT = "mlipsse pair model 1"


def save_pair_model(model: PairModel, path: Path) -> None:
    """Write a model as JSON: every energy beside the sites, distance and species it is for."""
    clusters, host = model.clusters, model.host
    sites = [
        {
            "host_sites": list(orbit.sites),
            "species": list(host.sublattices[orbit.sublattice].species),
            "energies_eV": model.entries_eV[start : start + size].tolist(),
        }
        for orbit, start, size in zip(
            clusters.site_orbits, clusters.offsets, clusters.sizes, strict=False
        )
    ]
    pairs = [
        {
            "distance_A": orbit.distance_A,
            "per_cell": len(orbit.first) // (2 if orbit.symmetric else 1),
            "example": [int(orbit.first[0]), int(orbit.second[0]), orbit.cells[0].tolist()],
            "species": [list(host.sublattices[k].species) for k in orbit.sublattices],
            "energies_eV": model.table_eV(number).tolist(),
        }
        for number, orbit in enumerate(clusters.pair_orbits)
    ]
    facts = {
        "format": _FORMAT,
        "host": host.name,
        "charges": _charges(host),
        "cutoff_A": clusters.cutoff_A,
        "constant_eV": model.constant_eV,
        "inverse_dielectric": model.inverse_dielectric,
        "site_orbits": sites,
        "pair_orbits": pairs,
        "report": asdict(model.report) if model.report else None,
    }
    write_text(path, json.dumps(facts, indent=1) + "\n")


def _charges(host: Host) -> dict[str, float]:
    return {name: float(charge) for name, charge in host.charges.items()}


def load_pair_model(path: Path, host: Host) -> PairModel:
    """Read what `save_pair_model` wrote, for the same host.

    Raises
    ------
    MlipsseError
        for a missing or foreign file, or one whose orbits are not this host's.
    """
    facts = _read(path)
    clusters = find_pair_clusters(host, facts["cutoff_A"])
    _check_orbits(path, facts, clusters)
    tables: Sequence[Any] = [*facts["site_orbits"], *facts["pair_orbits"]]
    entries = [np.ravel(table["energies_eV"]) for table in tables]
    return PairModel(
        clusters=clusters,
        entries_eV=np.concatenate(entries).astype(float),
        constant_eV=float(facts["constant_eV"]),
        inverse_dielectric=facts["inverse_dielectric"],
        report=FitReport(**facts["report"]) if facts["report"] else None,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MlipsseError(f"There is no pair model {path}. Name an existing file.") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise MlipsseError(f"{path} is not a JSON file ({error}).") from error
    if not isinstance(facts, dict) or facts.get("format") != _FORMAT:
        raise MlipsseError(f"{path} is not a pair model: its `format` is not {_FORMAT!r}.")
    return facts


def _check_orbits(path: Path, facts: dict[str, Any], clusters: PairClusters) -> None:
    species = [list(s.species) for s in clusters.host.sublattices]
    here = [(list(o.sites), species[o.sublattice]) for o in clusters.site_orbits]
    there = [(o["host_sites"], o["species"]) for o in facts["site_orbits"]]
    pairs_here = [
        (
            [int(o.first[0]), int(o.second[0]), o.cells[0].tolist()],
            [species[k] for k in o.sublattices],
        )
        for o in clusters.pair_orbits
    ]
    pairs_there = [(o["example"], o["species"]) for o in facts["pair_orbits"]]
    distances = np.array([o.distance_A for o in clusters.pair_orbits])
    if (
        facts["charges"] != _charges(clusters.host)
        or here != there
        or pairs_here != pairs_there
        or not np.allclose(distances, [o["distance_A"] for o in facts["pair_orbits"]], atol=1e-3)
    ):
        raise MlipsseError(
            f"{path} was made for the host {facts['host']}, whose sites, species, charges or "
            f"distances are not those of {clusters.host.name}. Give the host of the fit, or fit "
            "again."
        )
