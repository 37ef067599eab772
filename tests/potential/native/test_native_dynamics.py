"""Native code over many steps in LAMMPS: memory, restarts, and the energy that it keeps."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from ase.io.lammpsdata import write_lammps_data

from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.potential.native.compilation import find_compiler
from mlipsse.potential.native.copy import fastest
from mlipsse.potential.speed.frames import heated, li3incl6, repeat_to
from tests.support.potential.lammps_deck import BRICK, PAIR, Deck, run_lammps

COUNTER = r"""
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

static std::atomic<long> large{0};
static void count(size_t n) { if (n >= 2048) ++large; }
template <class F> static F next(const char *name) { return (F) dlsym(RTLD_NEXT, name); }
extern "C" {
void *malloc(size_t n) { static auto f = next<void *(*)(size_t)>("malloc"); count(n); return f(n); }
void *realloc(void *p, size_t n)
{ static auto f = next<void *(*)(void *, size_t)>("realloc"); count(n); return f(p, n); }
void *aligned_alloc(size_t a, size_t n)
{ static auto f = next<void *(*)(size_t, size_t)>("aligned_alloc"); count(n); return f(a, n); }
int posix_memalign(void **p, size_t a, size_t n)
{
  static auto f = next<int (*)(void **, size_t, size_t)>("posix_memalign");
  count(n);
  return f(p, a, n);
}
}
static struct Report {
  ~Report() { std::fprintf(stderr, "large allocations %ld\n", large.load()); }
} report;
"""
"""Counts what a process allocates in pieces of 2 kB and more."""

LI3INCL6_DECK = """\
plugin load "{plugin}"
units metal
atom_style atomic
atom_modify map yes
newton on
box tilt large
read_data atoms.data
pair_style mace
pair_coeff * * "{model}" {elements}
velocity all create {temperature_K} 7 mom yes rot no dist gaussian
fix 1 all nve
timestep {timestep_ps}
thermo 100
thermo_style custom step etotal temp
thermo_modify format float %.12g
run {steps}
"""


@pytest.fixture
def deck(native64, tmp_path) -> Deck:
    return Deck(tmp_path, native64)


def test_steps_allocate_nothing(deck, tmp_path):
    source, counter = tmp_path / "counter.cpp", tmp_path / "counter.so"
    source.write_text(COUNTER)
    subprocess.run(
        [find_compiler(), "-shared", "-fPIC", "-O1", "-o", str(counter), str(source), "-ldl"],
        check=True,
    )
    deck.environment = {"LD_PRELOAD": str(counter)}
    counts = []
    for steps in (100, 400):
        # Far fewer degrees than atoms need to leave the list, which is made once.
        run = (
            "velocity all create 20 7\nfix nve all nve\ntimestep 0.0005\n"
            f"neigh_modify every 1 delay 100000 check no\nthermo 1000\nrun {steps}"
        )
        status, screen, _ = deck.attempt(BRICK, run=run, stress="")
        assert status == 0, screen
        counts.append(int(screen.split("large allocations ")[1].split()[0]))
    assert counts[0] > 100, "the start allocates, so the counter counts"
    assert counts[1] - counts[0] < 10, "in 300 steps"


def test_a_restart_goes_on(deck):
    run = (
        "velocity all create 800 7 loop geom\nfix 1 all nve\ntimestep 0.001\nrun 20\n"
        "write_restart half\nrun 20\nvariable whole equal pe\n"
        'variable kept string "$(v_whole:%.12g)"\nclear\n'
        "atom_modify map yes\nread_restart half\n{again}\nfix 1 all nve\ntimestep 0.001\n"
        "compute energy all pe/atom\ncompute stress all stress/atom NULL virial\n"
        'run 20\nprint "difference $(pe-v_kept:%.6g)"'
    )
    again = PAIR.format(model=deck.model, words="")
    status, screen, _ = deck.attempt(BRICK, run=run.format(again=again), ranks=2)
    assert status == 0, screen
    difference = next(line for line in screen.splitlines() if line.startswith("difference"))
    assert abs(float(difference.split()[1])) < 1e-8


def test_energy_is_kept_at_800_K(tmp_path):
    """Float32, 20,000 steps of 1 fs: the slope of the total energy, in which rounding adds up."""
    atoms = heated(repeat_to(li3incl6(), 40), temperature_K=800.0, seed=1)
    model, _ = fastest("mace-sse-small")
    elements = sorted(set(atoms.get_chemical_symbols()))
    write_lammps_data(
        tmp_path / "atoms.data",
        atoms,
        specorder=elements,
        reduce_cell=True,
        force_skew=True,
        masses=True,
        units="metal",
        atom_style="atomic",
    )
    (tmp_path / "deck.lmp").write_text(
        LI3INCL6_DECK.format(
            plugin=build_plugin(),
            model=model,
            elements=" ".join(elements),
            temperature_K=800.0,
            timestep_ps=0.001,
            steps=20_000,
        )
    )
    status, screen = run_lammps(tmp_path, Deck(tmp_path, Path(model)).command(1))
    assert status == 0, screen
    rows = [line.split() for line in screen.splitlines()]
    steps, energies_eV, temperatures_K = np.array(
        [[float(x) for x in row] for row in rows if len(row) == 3 and _numbers(row)]
    ).T
    assert len(steps) >= 200
    assert 500 < temperatures_K[50:].mean() < 1100
    slope_eV_atom_ps = np.polyfit(steps * 1e-3, energies_eV / len(atoms), 1)[0]
    assert abs(slope_eV_atom_ps) < 1e-5


def _numbers(words: list[str]) -> bool:
    try:
        return bool([float(word) for word in words])
    except ValueError:
        return False
