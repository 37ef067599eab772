"""The orderings that a campaign has selected."""

from pathlib import Path

from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.errors import MlipsseError


def are_selected(campaign: Campaign) -> bool:
    """Whether orderings are selected."""
    return campaign.path(paths.Select.selected).is_file()


def are_known(campaign: Campaign) -> bool:
    """Whether the orderings that production starts from are known."""
    return _of_production(campaign).is_file()


def require_known(campaign: Campaign) -> None:
    """Refuse a campaign whose orderings for production are not known.

    Raises
    ------
    MlipsseError
        with the command that finds them.
    """
    if are_known(campaign):
        return
    if campaign.config.simulate.orderings == "lowest":
        raise MlipsseError(
            "The lowest orderings of the fine-tuned model (simulate.orderings: lowest) are not "
            f"known yet. Run: mlipsse run {campaign.folder} --until export."
        )
    raise MlipsseError(
        f"No orderings are selected yet. Run: mlipsse run {campaign.folder} --until select."
    )


def production_orderings(campaign: Campaign) -> list[list[Atoms]]:
    """The orderings of each composition that production may start from, the lowest first.

    Those that are selected, or the lowest one of the fine-tuned model.
    """
    return _by_energy(campaign, _of_production(campaign))


def _of_production(campaign: Campaign) -> Path:
    lowest = campaign.config.simulate.orderings == "lowest"
    return campaign.path(paths.Export.lowest if lowest else paths.Select.selected)


def selected_by_energy(campaign: Campaign) -> list[list[Atoms]]:
    """The selected orderings of each composition, by rising energy per atom.

    Compositions come in the order of the config; one without orderings has an empty list.
    """
    return _by_energy(campaign, campaign.path(paths.Select.selected))


def _by_energy(campaign: Campaign, path: Path) -> list[list[Atoms]]:
    selected = read_frames(path, labelled=False)
    groups = []
    for formula in campaign.config.enumerate.compositions:
        starts = [atoms for atoms in selected if atoms.info[keys.COMPOSITION] == formula]
        starts.sort(key=lambda atoms: atoms.info["relaxed_energy_eV"] / len(atoms))
        groups.append(starts)
    return groups
