"""The orderings that a campaign has selected."""

from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.errors import MlipsseError


def are_selected(campaign: Campaign) -> bool:
    """Whether orderings are selected."""
    return campaign.path(paths.Select.selected).is_file()


def require_selected(campaign: Campaign) -> None:
    """Refuse a campaign without selected orderings.

    Raises
    ------
    MlipsseError
        with the command that selects them.
    """
    if not are_selected(campaign):
        raise MlipsseError(
            f"No orderings are selected yet. Run: mlipsse run {campaign.folder} --until select."
        )


def selected_by_energy(campaign: Campaign) -> list[list[Atoms]]:
    """The selected orderings of each composition, by rising energy per atom.

    Compositions come in the order of the config; one without orderings has an empty list.
    """
    selected = read_frames(campaign.path(paths.Select.selected), labelled=False)
    groups = []
    for formula in campaign.config.enumerate.compositions:
        starts = [atoms for atoms in selected if atoms.info[keys.COMPOSITION] == formula]
        starts.sort(key=lambda atoms: atoms.info["relaxed_energy_eV"] / len(atoms))
        groups.append(starts)
    return groups
