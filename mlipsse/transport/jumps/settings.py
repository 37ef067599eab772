"""How sites are found and jumps are counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlipsse.transport.diffusion.displacement.window import WindowSettings
from mlipsse.transport.jumps.collective import MAX_DISTANCE_A
from mlipsse.transport.jumps.counting import PARTS
from mlipsse.transport.jumps.found_sites import SiteSearch


@dataclass(frozen=True, kw_only=True)
class JumpSettings:
    """Settings of `analyse_jumps`.

    Attributes
    ----------
    structure : CIF or POSCAR with the sites; None finds them in the density (see `find_sites`)
    interstitials : look for sites beside those of the structure
    search : how sites are found in the density
    radius_A : of the sites; by `site_radius` if not given
    inner_fraction, minimal_residence_frames, n_parts : of `find_jumps`
    max_distance_A : of `collective_jumps`, whose time is one period of the attempt frequency
    window : of the fit of the tracer's diffusivity
    """

    structure: Path | None = None
    interstitials: bool = False
    search: SiteSearch = field(default_factory=SiteSearch)
    radius_A: float | Mapping[str, float] | None = None
    inner_fraction: float = 1.0
    minimal_residence_frames: int = 1
    n_parts: int = PARTS
    max_distance_A: float = MAX_DISTANCE_A
    window: WindowSettings = field(default_factory=WindowSettings)
