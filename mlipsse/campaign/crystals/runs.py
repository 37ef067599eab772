"""The runs that a campaign asks for: which crystal, how hot, how long, where."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.config.simulate import SimulateConfig
from mlipsse.campaign.crystals.selected import are_known, production_orderings
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import run_name, temperature_name
from mlipsse.md.plan.protocol import MdSettings, Protocol, published_lengths_ps
from mlipsse.orderings.host.formula import same_composition
from mlipsse.structures.geometry import supercell

_AS_GIVEN = "as_given"


@dataclass(frozen=True)
class Run:
    """One run of the campaign.

    Attributes
    ----------
    start : crystal as it is selected or given, before it is repeated
    temperature_K : of the thermostat, K
    replica : number of the repetition, from 0
    """

    start: Atoms
    temperature_K: float
    replica: int

    @property
    def composition(self) -> str:
        """Formula as the config writes it."""
        return str(self.start.info[keys.COMPOSITION])

    @property
    def path(self) -> Path:
        """Folder below the stage's: composition, ordering, temperature, replica."""
        ordering = self.start.info[keys.ORDERING]
        temperature = temperature_name(self.temperature_K)
        return Path(self.composition, ordering, temperature, f"r{self.replica}")

    @property
    def name(self) -> str:
        """Name of the run, see `run_name`."""
        return run_name(self.start.info[keys.ORDERING], self.temperature_K, self.replica)


def runs(campaign: Campaign, selected: Sequence[Sequence[Atoms]] | None = None) -> list[Run]:
    """The runs of a campaign whose orderings are known, in a fixed order.

    Parameters
    ----------
    selected : as `production_orderings` reads them; read here when not given

    Raises
    ------
    MlipsseError
        as `given_structures`.
    """
    config = campaign.config
    most = 1 if config.simulate.orderings == "lowest" else config.simulate.orderings
    chosen = [
        start
        for starts in (production_orderings(campaign) if selected is None else selected)
        for start in starts[:most]
    ]
    return [
        Run(start, temperature_K, replica)
        for start in [*chosen, *given_structures(campaign)]
        for temperature_K in config.simulate.temperatures_K
        for replica in range(config.simulate.rung(temperature_K)["replicas"])
    ]


def given_structures(campaign: Campaign) -> list[Atoms]:
    """The crystals that `simulate.structures` names; a file's name is that of its ordering.

    Raises
    ------
    MlipsseError
        as `structures_of`, and when two have one name: their runs would share a folder.
    """
    given = [
        atoms
        for name in campaign.config.simulate.structures
        for atoms in structures_of(campaign, name)
    ]
    names = [str(atoms.info[keys.ORDERING]) for atoms in given]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise MlipsseError(
            f"simulate.structures: {', '.join(twice)} contains several crystals whose runs would "
            "share a folder. Rename the files."
        )
    return given


def structures_of(campaign: Campaign, name: Path) -> list[Atoms]:
    """The crystals of one file that `simulate.structures` names.

    Raises
    ------
    MlipsseError
        when the file is missing or holds a crystal of no composition of the campaign.
    """
    formulas = campaign.config.enumerate.formulas
    path = campaign.path(name)
    frames = read_frames(path, labelled=False)
    for number, frame in enumerate(frames):
        found = frame.get_chemical_formula(mode="hill")
        formula = next((one for one in formulas if same_composition(one, found)), None)
        if formula is None:
            raise MlipsseError(
                f"simulate.structures: {path} contains {found}, which is not a composition of "
                f"this campaign ({', '.join(formulas)})."
            )
        ordering = path.stem if len(frames) == 1 else f"{path.stem}-{number}"
        frame.info = {keys.COMPOSITION: formula, keys.ORDERING: ordering, _AS_GIVEN: True}
    return frames


def protocol(
    config: SimulateConfig, temperature_K: float, *, seed: int, at_least_ps: float = 0.0
) -> Protocol:
    """How a run at this temperature is made; lengths as published where the config has none.

    Parameters
    ----------
    at_least_ps : of production, ps; for a run that was lengthened
    """
    rung = config.rung(temperature_K)
    rung.pop("replicas")
    for name, published_ps in zip(
        ("equilibration_ps", "production_ps"), published_lengths_ps(temperature_K), strict=True
    ):
        rung[name] = rung[name] or published_ps
    rung["production_ps"] = max(rung["production_ps"], at_least_ps)
    common = config.only(MdSettings).model_dump()
    return Protocol(temperature_K=temperature_K, seed=seed, **(common | rung))


def simulated_cell(config: SimulateConfig, start: Atoms) -> Atoms:
    """The cell to run: the ordering's, repeated as the config states, or a given crystal."""
    if start.info.get(_AS_GIVEN):
        return start
    if config.repeats is not None:
        return start.repeat(config.repeats)
    return supercell(start, min_atoms=config.min_atoms, min_width_A=config.min_length_A)


def run_folders(campaign: Campaign) -> list[Path]:
    """Folder of every run that the config asks for; none before its orderings are known."""
    if not are_known(campaign):
        return []
    return [campaign.path(paths.Simulate.folder) / run.path for run in runs(campaign)]
