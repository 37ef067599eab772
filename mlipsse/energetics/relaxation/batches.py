"""Relaxation of many structures at once with MACE; importing this imports torch and torch-sim.

torch-sim (Cohen et al., arXiv:2508.06628, 2025) evaluates a batch in one call and moves it by its
FIRE (Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006), doi 10.1103/PhysRevLett.97.170201, in ASE's
form). A structure that is done leaves the batch and others take its place. Its own driver,
`torch_sim.optimize` 0.3.0, counts steps over all structures together and disturbs those in flight
whenever another one comes in: what a structure came to would depend on its company. Hence the loop
here.
"""

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch_sim
from ase import Atoms
from torch_sim.optimizers import fire, unit_cell_fire
from torch_sim.quantities import systemwise_max_force

from mlipsse.energetics.memory import kept_memory
from mlipsse.energetics.potentials.batched_mace import BatchedMace
from mlipsse.energetics.potentials.loaded_mace import LoadedMace
from mlipsse.energetics.relaxation.outcome import (
    FAILURES,
    Reading,
    Relaxation,
    RelaxationSettings,
    Trial,
)

_FIRST_STEP = 0.1  # ASE's, in its units of time


def relax_in_batches(
    structures: Sequence[Atoms],
    mace: LoadedMace,
    settings: RelaxationSettings = RelaxationSettings(),  # noqa: B008
    *,
    batch_atoms: int,
) -> list[Relaxation]:
    """Relax structures, or evaluate them unrelaxed, by `settings`.

    What a structure comes to depends on the others by rounding alone. A batch in which the
    potential fails is halved until what fails is alone.

    Parameters
    ----------
    structures : periodic in all directions; not changed
    batch_atoms : most atoms in a batch on a CPU; a larger structure goes alone. On a GPU torch-sim
        tries how much its memory holds.

    Returns
    -------
    list of Relaxation
        in the order of `structures`, judged as by `mlipsse.energetics.relaxation.single.relax`.
    """
    trials = [Trial.of(atoms, settings) for atoms in structures]
    if not trials:
        return []
    # torch-sim prints its memory and volumes on standard output, where `--json` writes.
    with contextlib.redirect_stdout(sys.stderr), kept_memory():
        flight = _Flight(trials, BatchedMace(mace, stress=settings.relaxed == "cell"), settings)
        sizes, room = flight.model.room([trial.atoms for trial in trials], batch_atoms)
        groups = [list(range(len(trials)))]
        while groups:
            group = groups.pop()
            try:
                flight.run(group, sizes, room)
            except _PotentialFailed as failure:
                groups += flight.after(failure.__cause__, group)
    return [flight.outcomes[index] for index in range(len(trials))]


class _PotentialFailed(Exception):
    """The model could not do the batch; the cause states why."""


@dataclass
class _Flight:
    """The structures that are being relaxed together.

    Attributes
    ----------
    state : of the optimiser; None when nothing is in flight
    indices : (n_systems,) the structures in it
    steps : steps taken, of every structure that was in flight
    outcomes : of those that are done
    """

    trials: Sequence[Trial]
    model: BatchedMace
    settings: RelaxationSettings
    state: Any = None
    indices: list[int] = field(default_factory=list)
    steps: dict[int, int] = field(default_factory=dict)
    outcomes: dict[int, Relaxation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        relaxes_cell = self.settings.relaxed == "cell"
        optimiser = unit_cell_fire if relaxes_cell else fire
        # A structure at rest halves its first time step, which ASE's FIRE does not.
        start, step = optimiser(self.model, dt_start=2 * _FIRST_STEP)
        self._start, self._step = _blaming_the_potential(start), _blaming_the_potential(step)

    def run(self, group: Sequence[int], sizes: Sequence[float], room: float) -> None:
        """Relax a group of structures, as many at a time as there is room."""
        waiting = deque(group)
        self.state, self.indices = None, []
        while waiting or self.indices:
            self._admit(waiting, sizes, room)
            if self._dismiss():
                continue
            self.state = self._step(self.state)
            for index in self.indices:
                self.steps[index] += 1

    def after(self, error: BaseException | None, group: Sequence[int]) -> list[list[int]]:
        """What is left of a group after the potential failed: halves of its batch, and the rest."""
        batch = self.indices
        self.state, self.indices = None, []
        if len(batch) == 1:
            trial = self.trials[batch[0]]
            self.outcomes[batch[0]] = trial.failed(trial.atoms, error, steps=self.steps[batch[0]])
        half = len(batch) // 2
        rest = [index for index in group if index not in self.outcomes and index not in batch]
        return [part for part in (rest, batch[half:], batch[:half]) if part and len(batch) > 1] or (
            [rest] if rest else []
        )

    def _admit(self, waiting: deque[int], sizes: Sequence[float], room: float) -> None:
        taken = sum(sizes[index] for index in self.indices)
        new: list[int] = []
        while waiting and (taken + sizes[waiting[0]] <= room or not (self.indices or new)):
            taken += sizes[waiting[0]]
            new.append(waiting.popleft())
        if not new:
            return
        self.indices = [*self.indices, *new]
        self.steps |= dict.fromkeys(new, 0)
        state = self._start(self.model.state([self.trials[index].atoms for index in new]))
        # torch-sim starts from velocities of NaN, and a single one resets those of the whole batch.
        state.velocities = torch.zeros_like(state.velocities)
        if self.settings.relaxed == "cell":
            state.cell_velocities = torch.zeros_like(state.cell_velocities)
        before = [] if self.state is None else [self.state]
        self.state = torch_sim.concatenate_states([*before, state])

    def _dismiss(self) -> bool:
        """Take those that are done out of the batch; whether there were any."""
        done = []
        for place, (index, reading) in enumerate(zip(self.indices, self._readings(), strict=True)):
            trial = self.trials[index]
            over = reading.within or reading.steps >= self.settings.max_steps
            if over or trial.blame(reading) is not None:
                self.outcomes[index] = trial.ended(self._atoms(place), reading)
                done.append(place)
        if done:
            self.state.pop(done)
            self.indices = [index for index in self.indices if index not in self.outcomes]
        if not self.indices:
            self.state = None
        return bool(done)

    def _readings(self) -> list[Reading]:
        state = self.state
        force_eV_A = systemwise_max_force(state)
        within = force_eV_A < self.settings.fmax_eV_A
        if self.settings.relaxed == "cell":
            within &= state.cell_forces.norm(dim=2).amax(dim=1) < self.settings.fmax_eV_A
        elif self.settings.relaxed == "none":
            within = torch.ones_like(within)
        strange = (~state.positions.isfinite().all(dim=1)).to(torch.int64)
        lost = torch.bincount(state.system_idx, weights=strange, minlength=state.n_systems)
        finite = (lost == 0) & state.cell.isfinite().all(dim=(1, 2))
        columns = (state.energy, force_eV_A, torch.linalg.det(state.cell).abs(), finite, within)
        return [
            Reading(self.steps[index], *values)
            for index, values in zip(
                self.indices,
                zip(*(column.tolist() for column in columns), strict=True),
                strict=True,
            )
        ]

    def _atoms(self, place: int) -> Atoms:
        """A structure as it stands; what was not relaxed is as it came, to the last bit."""
        state, atoms = self.state, self.trials[self.indices[place]].atoms.copy()
        if self.settings.relaxed == "cell":
            atoms.set_cell(state.row_vector_cell[place].double().cpu().numpy())
        if self.settings.relaxed != "none":
            atoms.positions = state.positions[state.system_idx == place].double().cpu().numpy()
        return atoms


def _blaming_the_potential(evaluate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def guarded(state: Any) -> Any:
        try:
            return evaluate(state)
        except FAILURES as error:
            raise _PotentialFailed from error

    return guarded
