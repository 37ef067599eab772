"""Averages over orderings of what surrounds their cations."""

import numpy as np
import pytest
from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.crystals.coordination import coordination_rows
from mlipsse.campaign.crystals.database import Row
from mlipsse.orderings import Host, Sublattice, Supercell
from mlipsse.orderings.coordination import Coordination

HOST = Host(
    name="chain",
    cell=np.diag([4.0, 7.0, 7.0]),
    scaled_positions=np.array([[0.0, 0.5, 0.5], [0.0, 0.0, 0.0], [0.5, 0.0, 0.0]]),
    sublattices=(
        Sublattice("Li", (0,), ("Li", "vacancy")),
        Sublattice("M", (1,), ("In", "Y")),
        Sublattice("X", (2,), ("Br", "Cl")),
    ),
    charges={"Li": 1, "vacancy": 0, "In": 3, "Y": 3, "Br": -1, "Cl": -1},
    symprec_A=0.01,
)


def test_weighted_means() -> None:
    """A ring of two metals and two anions: every metal between both anions."""
    supercell = Supercell(HOST, (2, 1, 1))

    def row(decoration: str, mobile: str) -> Row:
        values = {
            keys.COMPOSITION: "x",
            "supercell": "cell-2x1x1",
            "mobile_code": mobile,
            "decoration_code": decoration,
        }
        return Row(Atoms(), values)

    mixed, pure = row("d9", "m1"), row("d2", "m0")  # metals, then anions, lowest digit first
    found = coordination_rows(Coordination(supercell), [mixed, pure], [1.0, 3.0], of="800 K")
    value = {(one["quantity"], one["subject"]): one["value"] for one in found}
    # d9: Y In Br Cl -> every metal has one of each; d2: In Y Br Br -> two Br.
    assert value["shell", "In-Br1Cl1"] == pytest.approx(0.25)
    assert value["shell", "Y-Br2"] == pytest.approx(0.75)
    assert value["pure", "In"] == pytest.approx(0.75)
    assert value["warren-cowley", "In-Br"] == pytest.approx(0.0)
    (occupied,) = (share for (what, _), share in value.items() if what == "occupancy")
    assert occupied == pytest.approx(0.25 * 0.5 + 0.75 * 1.0)
    assert {one["supercell"] for one in found} == {"2x1x1"}
