"""Every name of a file or folder in a campaign, once, with what it holds.

One class per stage, and one each for the campaign's own folder, for what all stages have, and for
the learning curve; `places` lists them all. `Campaign.path(paths.Rank.database)` is a whole path.
The files of a production run are named in `mlipsse.md.files`, those of a potential's bundle in
`mlipsse.potential.bundle`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Place:
    """A file or folder of a campaign.

    Attributes
    ----------
    path : relative to the campaign's folder; parts that vary stand in braces
    holds : what is in it, in one line
    also : suffixes under which a figure is written as well
    """

    path: str
    holds: str
    also: tuple[str, ...] = ()

    def __fspath__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        """Name without the folder that it lies in."""
        return PurePosixPath(self.path).name

    @property
    def names(self) -> list[str]:
        """`name` under every suffix that is written."""
        return [self.name, *(str(PurePosixPath(self.name).with_suffix(s)) for s in self.also)]

    def of(self, **parts: object) -> "Place":
        """The place with the parts that vary filled in, each by its name in the braces."""
        return Place(self.path.format(**parts), self.holds, self.also)


@dataclass(frozen=True)
class StageFolder:
    """The folder of a stage.

    Attributes
    ----------
    number : of the stage, from 1
    name : of the stage, e.g. `rank`
    holds : what is in it, in one line
    """

    number: int
    name: str
    holds: str

    @property
    def path(self) -> str:
        """Relative to the campaign's folder, e.g. `02-rank`."""
        return f"{self.number:02d}-{self.name}"

    def __fspath__(self) -> str:
        return self.path

    def file(self, name: str, holds: str) -> Place:
        """A file or folder in it."""
        return Place(f"{self.path}/{name}", holds)

    def figure(self, name: str, holds: str) -> Place:
        """A figure in it, as PNG and as SVG."""
        return Place(f"{self.path}/{name}.png", holds, (".svg",))


class Root:
    """The campaign's own folder."""

    config = Place("campaign.yaml", "config of the campaign")
    estimate = Place("estimate.json", "cost of an atom's step that `mlipsse md estimate` found, µs")
    lock = Place(".mlipsse/lock", "lock of the process that runs the campaign")
    parsl = Place(".mlipsse/parsl", "logs of Parsl and its workers")


class EveryStage:
    """What every stage's folder has."""

    record = Place(
        "{stage}/record.json",
        "inputs, config, versions, commands and outputs of the finished stage",
    )
    plan = Place("{stage}/plan.json", "units of work that the stage was last cut into")
    units = Place("{stage}/units", "results of units of work, kept for the next run")


class Enumerate:
    """Stage 1."""

    folder = StageFolder(1, "enumerate", "orderings of the compositions in the supercells")
    database = folder.file("orderings.db", "all orderings, an ASE database")
    counts = folder.file("counts.csv", "number of orderings by composition and supercell")


class Rank:
    """Stage 2."""

    folder = StageFolder(2, "rank", "energies of the orderings and their hull")
    database = folder.file("ranked.db", "orderings with energies above hull, an ASE database")
    hull = folder.file("hull.csv", "energies of every ordering")
    compositions = folder.file("compositions.csv", "lowest ordering and stability by composition")
    left_out = folder.file("left_out.csv", "number of orderings tried, kept and left out")
    search = folder.file("search.csv", "rounds of the search for orderings of low energy")
    hull_figure = folder.figure("hull", "energy above hull of every ordering")
    formation_figure = folder.figure("formation", "formation energies between two end members")
    ternary_figure = folder.figure("ternary", "stability between three end members")


class Select:
    """Stage 3."""

    folder = StageFolder(3, "select", "orderings that matter at temperature")
    selected = folder.file("selected.extxyz", "selected orderings by rising energy")
    table = folder.file("selection.csv", "number and Boltzmann weight of the selected orderings")
    coordination = folder.file(
        "coordination.csv", "anions around cations, and occupied sites, by composition"
    )
    database = folder.file("orderings.db", "ranked orderings with a mark on the selected ones")


class Sample:
    """Stage 4; empty where labels are given."""

    folder = StageFolder(4, "sample", "frames of MD with the foundation potential")
    frames = folder.file("frames.extxyz", "frames that are labelled next")
    trajectories = folder.file("trajectories.csv", "temperature and frames of every trajectory")
    left_out = folder.file("left_out.csv", "frames that were left out, with the reason")
    batches = folder.file("batches.json", "trajectories that run side by side")


class Label:
    """Stage 5."""

    folder = StageFolder(5, "label", "labelled frames, split by trajectory")
    train = folder.file("train.extxyz", "training set")
    valid = folder.file("valid.extxyz", "validation set")
    test = folder.file("test.extxyz", "test set")
    isolated_atoms = folder.file(
        "isolated_atoms.json", "energies of isolated atoms among the labels, eV by element"
    )
    rejected = folder.file("rejected.csv", "frames without a label, with the reason")
    runs = folder.file("runs", "inputs and outputs of the label program, a folder per frame")


class Finetune:
    """Stage 6."""

    folder = StageFolder(6, "finetune", "fine-tuned model and its errors")
    model = folder.file("finetuned.model", "fine-tuned MACE model")
    metrics = folder.file("metrics.json", "errors, checks and learning curve of the training")
    training = folder.file("training", "checkpoints and logs of mace_run_train")
    parity_figure = folder.figure("parity", "predictions against labels of the test set")
    learning_figure = folder.figure("learning", "errors by epoch")
    replay_figure = folder.figure("parity-replay", "predictions against labels of held-out replay")


class Export:
    """Stage 7."""

    folder = StageFolder(7, "export", "potential for LAMMPS and its trials")
    bundle = folder.file("{name}", "potential bundle: model, card, example")
    acceptance = folder.file("acceptance.csv", "criteria of the trials, by crystal")
    acceptance_figure = folder.figure("acceptance-{ordering}", "curves of the trials of a crystal")
    reranked = folder.file(
        "reranked.csv", "lowest orderings relaxed again with the fine-tuned model (`rerank`)"
    )
    reranked_compositions = folder.file(
        "reranked-compositions.csv", "stability by composition, before and after"
    )
    lattice = folder.file("lattice.csv", "cell of the host in the lowest orderings")
    coordination = folder.file(
        "coordination.csv", "anions around cations, and occupied sites, in the lowest orderings"
    )
    lowest = folder.file("lowest.extxyz", "lowest ordering of each composition, relaxed")


class Simulate:
    """Stage 8."""

    folder = StageFolder(8, "simulate", "production runs in LAMMPS")
    run = folder.file(
        "{composition}/{ordering}/{temperature}/{replica}",
        "deck, data, trajectory, log and restarts of one run",
    )
    until = folder.file(
        "{composition}/{ordering}/{temperature}/{replica}/until.json",
        "rule by which the run was lengthened to its end",
    )


class Transport:
    """Stage 9."""

    folder = StageFolder(9, "transport", "diffusivities and conductivities")
    numbers = folder.file("arrhenius.json", "transport by composition and temperature, cautions")
    runs = folder.file("runs.csv", "diffusivity, health and status of every run")
    directions = folder.file("directions.csv", "diffusivity of every run by direction")
    structure = folder.file("structure.csv", "closest pairs and barriers by composition")
    msd = folder.file("msd/{run}.csv", "mean squared displacement of a run against lag time")
    arrhenius_figure = folder.figure("arrhenius", "diffusivity and conductivity against 1/T")
    msd_figure = folder.figure("msd-{composition}", "mean squared displacements of a composition")
    radial_figure = folder.figure("radial-{composition}", "g(r) of the fastest run")
    radial = folder.file("radial-{composition}.csv", "g(r) of the fastest run by pair")
    density_figure = folder.figure("density-{composition}", "density of the mobile ion and paths")
    density_view = folder.file("density-{composition}.html", "density that can be turned")
    density = folder.file("CHGCAR-{composition}", "density of the mobile ion, for VESTA")


class Report:
    """Stage 10."""

    folder = StageFolder(10, "report", "report and summary")
    page = folder.file("report.html", "report of the campaign")
    summary = folder.file("summary.json", "all numbers of the report")
    conductivity = folder.file("conductivity.csv", "conductivity by composition and temperature")
    directions = folder.file("directions.csv", "diffusivity by direction and temperature")
    activation = folder.file("activation.csv", "activation energies by composition")
    map_figure = folder.figure("map", "activation energy over three end members")


class LearningCurve:
    """What `mlipsse study size` writes."""

    folder = Place("learning-curve", "models trained on more and more labels")
    table = Place("learning-curve/learning-curve.csv", "errors by size and strategy")
    record = Place("learning-curve/learning-curve.json", "the same, as JSON")
    page = Place("learning-curve/report.html", "report of errors, and of transport")
    figure = Place("learning-curve/learning-curve.png", "errors against frames", (".svg",))
    subset = Place("learning-curve/subsets/train-{frames}.extxyz", "nested training set")
    model = Place("learning-curve/models/{model}.model", "model of one size and strategy")
    training = Place("learning-curve/trainings/{model}", "checkpoints and logs of its training")
    transport = Place(
        "learning-curve/transport", "production runs of every model, a folder per model"
    )
    potential = Place("learning-curve/transport/{model}/potential", "potential of one model")
    transport_table = Place("learning-curve/transport.csv", "transport by model and temperature")
    transport_record = Place("learning-curve/transport.json", "the same, as JSON")
    transport_figure = Place("learning-curve/transport.png", "transport against frames", (".svg",))
    radial = Place("learning-curve/radial.csv", "g(r) of the mobile ion by model and temperature")
    radial_figure = Place(
        "learning-curve/radial.png", "g(r) of the mobile ion of every model", (".svg",)
    )


OF_STAGES = (
    Enumerate, Rank, Select, Sample, Label, Finetune, Export, Simulate, Transport, Report,
)  # fmt: skip


def places() -> Iterator[Place | StageFolder]:
    """Every place, by stage and in the order of this file."""
    for group in (Root, EveryStage, *OF_STAGES, LearningCurve):
        for value in vars(group).values():
            if isinstance(value, Place | StageFolder):
                yield value
