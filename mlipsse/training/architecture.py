"""Size and shape of a MACE model that is trained from scratch."""

from typing import Any

from pydantic import Field

from mlipsse.energetics.potentials.mace_model import import_mace
from mlipsse.errors import MlipsseError
from mlipsse.settings import Count, Positive, Settings

_FIRST_OF_MACE = {"RealAgnosticInteractionBlock", "RealAgnosticDensityInteractionBlock"}


class Architecture(Settings):
    """A MACE model (Batatia et al., 2022, arXiv 2206.07697).

    The defaults are those of the published comparison with models from scratch (Deng, Li, Sai
    Gautam, Zhu, Deng, 2025, doi 10.1039/d5ta05321h): 128 channels, 2 layers, correlation 3, cutoff
    5 Å. Its messages' and harmonics' orders are not stated; here they are mace-torch's.
    """

    channels: Count = 128
    """features of every order"""
    max_L: int = Field(default=1, ge=0, le=3)
    """highest order of the messages"""
    max_ell: int = Field(default=3, ge=0, le=4)
    """highest order of the edges' spherical harmonics"""
    correlation: Count = Field(default=3, le=4)
    """body order less one"""
    layers: Count = 2
    """interactions"""
    r_max_A: Positive = 5.0
    """cutoff, Å"""

    @property
    def options(self) -> dict[str, Any]:
        """Options of mace_run_train."""
        return {
            "num_channels": self.channels,
            "max_L": self.max_L,
            "max_ell": self.max_ell,
            "correlation": self.correlation,
            "num_interactions": self.layers,
            "r_max": self.r_max_A,
        }


def options_like(model: Any) -> dict[str, Any]:
    """Options of mace_run_train that make a model of the architecture of `model`.

    Raises
    ------
    MlipsseError
        when mace-torch cannot tell it.
    """
    import_mace()
    from mace.tools.scripts_utils import extract_config_mace_model

    found = extract_config_mace_model(model)
    if "error" in found:
        raise MlipsseError(
            f"The architecture of the foundation model cannot be told ({found['error']}). Give "
            "one in numbers."
        )
    first = found["interaction_cls_first"].__name__
    options = {
        # What mace-torch calls MACE has one of these first, whatever it is asked for.
        "model": "MACE" if first in _FIRST_OF_MACE else "ScaleShiftMACE",
        "interaction_first": first,
        "interaction": found["interaction_cls"].__name__,
        "hidden_irreps": str(found["hidden_irreps"]),
        "MLP_irreps": str(found["MLP_irreps"]),
        "max_ell": found["max_ell"],
        "correlation": found["correlation"],
        "num_interactions": found["num_interactions"],
        "r_max": float(found["r_max"]),
        "num_radial_basis": found["num_bessel"],
        "num_cutoff_basis": int(found["num_polynomial_cutoff"]),
        "radial_type": found["radial_type"],
        "radial_MLP": list(found["radial_MLP"]),
        "distance_transform": str(found["distance_transform"]),
    }
    return options | ({"pair_repulsion": True} if found["pair_repulsion"] else {})
