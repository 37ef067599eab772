"""What a MACE model computes, as plain arrays: the description that native code is written from."""

from dataclasses import dataclass

import numpy as np

from mlipsse.potential.native.splines import Spline


@dataclass(frozen=True, eq=False)
class CouplingPath:
    """One term of the sum over neighbours: Y of `l_edge` and features of `l_node` to `l_out`.

    Attributes
    ----------
    coupling : (2 l_edge + 1, 2 l_node + 1, 2 l_out + 1) float64
    """

    l_edge: int
    l_node: int
    l_out: int
    coupling: np.ndarray


@dataclass(frozen=True, eq=False)
class Polynomial:
    """A component of what a layer gives, before its linear map, in the components of A.

    Attributes
    ----------
    monomials : indices of A, ascending in each, one to three of them
    coefficients : (n_elements, n_monomials, channels) float64
    """

    monomials: tuple[tuple[int, ...], ...]
    coefficients: np.ndarray


@dataclass(frozen=True, eq=False)
class Layer:
    """One message-passing layer; matrices are (of its input channel, of its output channel).

    Attributes
    ----------
    max_l_in, max_l_out : of the features that it takes and gives
    paths : of the sum over neighbours
    radial : of all paths, (n_paths, channels) per distance
    message : (n_elements or 1, n_paths, channels, channels), from paths to A
    density : edge density whose sum, plus one, A is divided by; None for none
    polynomials : per component of what it gives
    linear : (max_l_out + 1, channels, channels)
    skip : (n_elements, max_l_skip + 1, channels, channels), from the features before; None for a
        block that is not residual
    skip_of_first : (n_elements, channels), what the features of the first layer become by `skip`
    up : (max_l_in + 1, channels, channels), from the features before to those summed
    readout : (channels, hidden) or (channels, 1), to the energy; None for none
    readout_out : (hidden,) of a readout with a hidden layer of SiLU times `activation`
    """

    max_l_in: int
    max_l_out: int
    paths: tuple[CouplingPath, ...]
    radial: Spline
    message: np.ndarray
    density: Spline | None
    polynomials: tuple[Polynomial, ...]
    linear: np.ndarray
    skip: np.ndarray | None
    skip_of_first: np.ndarray
    up: np.ndarray
    readout: np.ndarray | None
    readout_out: np.ndarray | None
    activation: float


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """A MACE model with one head.

    Attributes
    ----------
    atomic_numbers : of its elements, in its order
    r_max_A : cutoff
    channels : of every l
    max_ell : of the spherical harmonics
    harmonics : (n_lm, n_powers) float64, and `powers`, (n_powers, 3): Y as polynomials of the unit
        vector
    first : (n_elements, channels), features of the atoms before the first layer
    layers : in order
    table_of : (n_elements, n_elements) int, which table a pair (sender, receiver) has
    pair_energy : of an edge, eV; None for none
    scale : of everything but the energies of atoms
    atom_energies_eV : (n_elements,), with the shift
    """

    atomic_numbers: tuple[int, ...]
    r_max_A: float
    channels: int
    max_ell: int
    harmonics: np.ndarray
    powers: np.ndarray
    first: np.ndarray
    layers: tuple[Layer, ...]
    table_of: np.ndarray
    pair_energy: Spline | None
    scale: float
    atom_energies_eV: np.ndarray
