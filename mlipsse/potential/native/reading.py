"""The arithmetic of a MACE model, read off its modules.

Linear maps, couplings and polynomials are read off the model's own modules by what they do to unit
vectors in double precision, so they hold whatever normalisation, basis of couplings or order of
weights a version of mace-torch and e3nn uses. The flow between the modules is that of mace-torch's
interaction blocks, of which `SUPPORTED` lists the known ones.
"""

import copy
import math
from collections.abc import Callable, Mapping
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from mlipsse.potential.export.target import FormatRefused
from mlipsse.potential.native.arithmetic import Arithmetic, CouplingPath, Layer, Polynomial
from mlipsse.potential.native.cubic import cubic_polynomials
from mlipsse.potential.native.harmonics import fit_harmonics
from mlipsse.potential.native.splines import Spline, fit_spline

SUPPORTED: Mapping[str, tuple[bool, bool]] = {
    "RealAgnosticInteractionBlock": (False, False),
    "RealAgnosticResidualInteractionBlock": (True, False),
    "RealAgnosticDensityInteractionBlock": (False, True),
    "RealAgnosticDensityResidualInteractionBlock": (True, True),
}
"""Interaction blocks, and whether each is residual and normalised by its density."""

R_MIN_A = 0.25
"""Where tables begin; atoms that are closer are refused."""

_MOST_CORRELATION, _MOST_ELL = 3, 3
_ZERO = 1e-12


def read_arithmetic(model: Any, head: str, *, tolerance: float = 2e-5) -> Arithmetic:
    """The arithmetic of a MACE model in memory.

    Parameters
    ----------
    model : mace-torch's module, of e3nn alone (`load_model`)
    tolerance : of the slopes of the radial functions, relative to the largest of them

    Raises
    ------
    FormatRefused
        for a block that native code cannot be written for, by its name.
    """
    import torch

    with torch.no_grad():
        return _Reader(model, head, tolerance).read()


def _refuse(what: str) -> FormatRefused:
    return FormatRefused(
        f"The native format cannot hold {what}. Export this model with --format aotinductor."
    )


class _Reader:
    def __init__(self, model: Any, head: str, tolerance: float) -> None:
        import torch

        self.torch, self.tolerance = torch, tolerance
        self.model = copy.deepcopy(model).cpu().double().eval()
        self.head = list(model.heads).index(head)
        self.n_elements = len(model.atomic_numbers)
        self.r_max_A = float(model.r_max)
        self.attrs = torch.eye(self.n_elements, dtype=torch.float64)
        self.max_ell = math.isqrt(self.model.spherical_harmonics.irreps_out.dim) - 1
        self.channels = int(self.model.node_embedding.linear.irreps_out.dim)
        self._check()

    def _check(self) -> None:
        model = self.model
        for block in model.interactions:
            name = type(block).__name__
            if name not in SUPPORTED:
                raise _refuse(f"{name}s")
            if hasattr(block, "conv_fusion"):
                raise _refuse("fused convolutions of cuequivariance")
        for block in (*model.interactions, *model.products):
            for irreps in (block.linear.irreps_in, block.linear.irreps_out):
                for part in irreps:
                    if part.ir.p != (-1) ** part.ir.l:
                        raise _refuse(f"features of irreps {irreps}, of unnatural parity {part.ir}")
        for block in model.interactions:
            for irreps in (block.linear_up.irreps_out, block.linear.irreps_out):
                if any(part.mul != self.channels for part in irreps.simplify()[:1]):
                    raise _refuse(f"edge_irreps of another number of channels ({irreps})")
        if self.max_ell > _MOST_ELL:
            raise _refuse(f"spherical harmonics up to l = {self.max_ell} (max_ell; most is 3)")
        for product in model.products:
            contractions = product.symmetric_contractions.contractions
            most = max(int(one.correlation) for one in contractions)
            if most > _MOST_CORRELATION:
                raise _refuse(f"a correlation of {most} (most is 3)")
        if hasattr(model, "joint_embedding"):
            raise _refuse("embeddings of charge and spin")
        for readout in model.readouts:
            if type(readout).__name__ not in ("LinearReadoutBlock", "NonLinearReadoutBlock"):
                raise _refuse(f"{type(readout).__name__}s")
        if len(model.readouts) != len(model.interactions):
            raise _refuse("a readout of the last layer alone (use_last_readout_only)")

    def read(self) -> Arithmetic:
        model, torch = self.model, self.torch
        table_of, pairs = self._tables()
        embedded = model.node_embedding(self.attrs)
        layers = tuple(self._layer(number, pairs) for number in range(len(model.interactions)))
        scale, shift = 1.0, 0.0
        if hasattr(model, "scale_shift"):
            scale = float(torch.atleast_1d(model.scale_shift.scale)[self.head])
            shift = float(torch.atleast_1d(model.scale_shift.shift)[self.head])
        energies = torch.atleast_2d(model.atomic_energies_fn(self.attrs))
        energies = energies.reshape(self.n_elements, -1)[:, self.head]
        pair_energy = None
        if hasattr(model, "pair_repulsion"):

            def repulsion(r_A: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
                # One sender, and a receiver at every distance: energies are summed by receiver.
                receivers = torch.arange(1, len(r_A) + 1)
                index = torch.stack([torch.zeros_like(receivers), receivers])
                attrs = self.attrs[[pair[0], *[pair[1]] * len(r_A)]]
                lengths = torch.tensor(r_A)[:, None]
                found = model.pair_repulsion_fn(lengths, attrs, index, model.atomic_numbers)
                return found[1:, None].numpy()

            pair_energy = self._spline(repulsion, pairs, fine=True)
        harmonics, powers = self._harmonics()
        return Arithmetic(
            atomic_numbers=tuple(int(z) for z in model.atomic_numbers),
            r_max_A=self.r_max_A,
            channels=self.channels,
            max_ell=self.max_ell,
            harmonics=harmonics,
            powers=powers,
            first=model.interactions[0].linear_up(embedded).numpy(),
            layers=layers,
            table_of=table_of,
            pair_energy=pair_energy,
            scale=scale,
            atom_energies_eV=energies.numpy() + shift,
        )

    def _tables(self) -> tuple[np.ndarray, list[tuple[int, int]]]:
        """Table of every pair, and a pair of every table: elements matter where distances are
        transformed by them, or a pair energy is added."""
        n = self.n_elements
        embedding = self.model.radial_embedding
        if not (hasattr(embedding, "distance_transform") or hasattr(self.model, "pair_repulsion")):
            return np.zeros((n, n), dtype=int), [(0, 0)]
        pairs = list(combinations_with_replacement(range(n), 2))
        table_of = np.empty((n, n), dtype=int)
        for number, (a, b) in enumerate(pairs):
            table_of[a, b] = table_of[b, a] = number
        return table_of, pairs

    def _edges(self, r_A: np.ndarray, pair: tuple[int, int]) -> tuple[Any, Any, Any]:
        """Distances (n, 1), attributes of two atoms, and edges from the first to the second."""
        torch = self.torch
        index = torch.zeros((2, len(r_A)), dtype=torch.int64)
        index[1] = 1
        return torch.tensor(r_A)[:, None], self.attrs[list(pair)], index

    def _spline(
        self,
        function: Callable[[np.ndarray, tuple[int, int]], np.ndarray],
        pairs: list[tuple[int, int]],
        *,
        fine: bool = False,
    ) -> Spline:
        return fit_spline(
            lambda r_A: np.stack([function(r_A, pair) for pair in pairs]),
            R_MIN_A,
            self.r_max_A,
            self.tolerance * (0.1 if fine else 1.0),
        )

    def _harmonics(self) -> tuple[np.ndarray, np.ndarray]:
        table, powers, error = fit_harmonics(
            lambda unit: self.model.spherical_harmonics(self.torch.tensor(unit)).numpy(),
            self.max_ell,
        )
        if error > 1e-9:
            raise _refuse("its spherical harmonics, which are no polynomials of degree l")
        return table, powers

    def _layer(self, number: int, pairs: list[tuple[int, int]]) -> Layer:
        block, product = self.model.interactions[number], self.model.products[number]
        residual, by_density = SUPPORTED[type(block).__name__]
        max_l_in = block.linear_up.irreps_in.lmax
        message = self._message(block)
        if not residual:
            by_l = _by_l(block.skip_tp, block.irreps_out, self.channels, self.attrs, self.torch)
            message = np.stack(
                [
                    np.stack([message[0, p] @ one[path.l_out] for p, path in self._paths(block)])
                    for one in by_l
                ]
            )
        skip = None
        if residual:
            skip = _by_l(
                block.skip_tp, block.skip_tp.irreps_in1, self.channels, self.attrs, self.torch
            )
        skip_of_first = np.zeros((self.n_elements, self.channels))
        if number == 0 and skip is not None:
            embedded = self.model.node_embedding(self.attrs).numpy()
            skip_of_first = np.einsum("ei,eij->ej", embedded, skip[:, 0])
        readout, readout_out, activation = self._readout(number)
        density = None
        if by_density:
            density = self._spline(
                lambda r_A, pair: self._along(
                    lambda feats: self.torch.tanh(block.density_fn(feats) ** 2), r_A, pair
                ),
                pairs,
                fine=True,
            )
        return Layer(
            max_l_in=max_l_in,
            max_l_out=product.linear.irreps_out.lmax,
            paths=tuple(path for _, path in self._paths(block)),
            radial=self._spline(
                lambda r_A, pair: self._along(block.conv_tp_weights, r_A, pair), pairs
            ),
            message=message,
            density=density,
            polynomials=self._polynomials(product, number),
            linear=_by_l(product.linear, product.linear.irreps_in, self.channels, None, self.torch)[
                0
            ],
            skip=skip,
            skip_of_first=skip_of_first,
            up=_by_l(block.linear_up, block.linear_up.irreps_in, self.channels, None, self.torch)[
                0
            ],
            readout=readout,
            readout_out=readout_out,
            activation=activation,
        )

    def _along(
        self, network: Callable[[Any], Any], r_A: np.ndarray, pair: tuple[int, int]
    ) -> np.ndarray:
        """What a network of the radial basis gives at distances of a pair, with the cutoff."""
        lengths, attrs, index = self._edges(r_A, pair)
        feats, cutoff = self.model.radial_embedding(
            lengths, attrs, index, self.model.atomic_numbers
        )
        values = network(feats)
        return np.asarray((values if cutoff is None else values * cutoff).numpy())

    def _paths(self, block: Any) -> list[tuple[int, CouplingPath]]:
        """Paths of a block's tensor product, in the order of its weights."""
        torch, product = self.torch, block.conv_tp
        found = []
        for number, step in enumerate(product.instructions):
            node, edge, out = (
                product.irreps_in1[step.i_in1],
                product.irreps_in2[step.i_in2],
                product.irreps_out[step.i_out],
            )
            if step.connection_mode != "uvu" or edge.mul != 1 or node.mul != self.channels:
                raise _refuse(f"a tensor product of irreps {product.irreps_in1} in this form")
            n_node, n_edge, n_out = node.ir.dim, edge.ir.dim, out.ir.dim
            first = product.irreps_in1.slices()[step.i_in1]
            second = product.irreps_in2.slices()[step.i_in2]
            third = product.irreps_out.slices()[step.i_out]
            x = torch.zeros((n_node, n_edge, product.irreps_in1.dim), dtype=torch.float64)
            y = torch.zeros((n_node, n_edge, product.irreps_in2.dim), dtype=torch.float64)
            for m in range(n_node):
                x[m, :, first.start + m] = 1.0  # the first channel
            for m in range(n_edge):
                y[:, m, second.start + m] = 1.0
            weights = torch.zeros((n_node, n_edge, product.weight_numel), dtype=torch.float64)
            weights[..., number * self.channels : (number + 1) * self.channels] = 1.0
            values = product(
                x.reshape(n_node * n_edge, -1),
                y.reshape(n_node * n_edge, -1),
                weights.reshape(n_node * n_edge, -1),
            )
            coupling = values[:, third.start : third.start + n_out].reshape(n_node, n_edge, n_out)
            coupling = coupling.numpy().transpose(1, 0, 2).copy()
            coupling[np.abs(coupling) < _ZERO] = 0.0
            path = CouplingPath(edge.ir.l, node.ir.l, out.ir.l, coupling)
            found.append((number, path))
        return found

    def _message(self, block: Any) -> np.ndarray:
        """(1, n_paths, channels, channels), over the mean number of neighbours where that is so."""
        torch, product = self.torch, block.conv_tp
        _, by_density = SUPPORTED[type(block).__name__]
        over = 1.0 if by_density else float(block.avg_num_neighbors)
        matrices = []
        for step in product.instructions:
            part = product.irreps_out[step.i_out]
            start = product.irreps_out.slices()[step.i_out].start
            x = torch.zeros((self.channels, product.irreps_out.dim), dtype=torch.float64)
            for channel in range(self.channels):
                x[channel, start + channel * part.ir.dim] = 1.0
            y = block.linear(x)
            target = _start_of(block.linear.irreps_out, part.ir.l)
            matrices.append(
                y[:, target : target + self.channels * part.ir.dim : part.ir.dim] / over
            )
        return torch.stack(matrices)[None].numpy()

    def _polynomials(self, product: Any, number: int) -> tuple[Polynomial, ...]:
        """Polynomials of the symmetric contraction, by its values at small whole numbers."""
        torch = self.torch
        n_lm = (self.max_ell + 1) ** 2
        contraction = product.symmetric_contractions
        agnostic = bool(getattr(product, "use_agnostic_product", False))
        max_l_out = product.linear.irreps_out.lmax

        def values(points: np.ndarray) -> np.ndarray:
            """(n_points, n_elements, channels, n_out), the same A in every channel."""
            found = []
            for element in range(self.n_elements):
                a = torch.tensor(points)[:, None, :].repeat(1, self.channels, 1)
                attrs = self.attrs[[element]].repeat(len(points), 1)
                if agnostic:
                    attrs = torch.ones((len(points), 1), dtype=torch.float64)
                flat = contraction(a, attrs)
                parts, start = [], 0
                for degree in range(max_l_out + 1):
                    size = self.channels * (2 * degree + 1)
                    part = flat[:, start : start + size]
                    parts.append(part.reshape(len(points), self.channels, 2 * degree + 1))
                    start += size
                found.append(torch.cat(parts, dim=2))
            return torch.stack(found, dim=1).numpy()

        found = cubic_polynomials(values, n_lm)
        if found is None:
            raise _refuse(f"the product of layer {number}, which is no polynomial of degree 3")
        return found

    def _readout(self, number: int) -> tuple[np.ndarray | None, np.ndarray | None, float]:
        torch, readout = self.torch, self.model.readouts[number]
        if type(readout).__name__ == "LinearReadoutBlock":
            x = torch.zeros((self.channels, readout.linear.irreps_in.dim), dtype=torch.float64)
            x[:, : self.channels] = torch.eye(self.channels, dtype=torch.float64)
            return readout.linear(x)[:, [self.head]].numpy(), None, 1.0
        x = torch.zeros((self.channels, readout.linear_1.irreps_in.dim), dtype=torch.float64)
        x[:, : self.channels] = torch.eye(self.channels, dtype=torch.float64)
        hidden = readout.linear_1(x)
        n_heads = max(1, int(getattr(readout, "num_heads", 1)))
        per_head = hidden.shape[1] // n_heads
        own = slice(self.head * per_head, (self.head + 1) * per_head)
        eye = torch.eye(hidden.shape[1], dtype=torch.float64)
        out = readout.linear_2(eye)[own, self.head]
        probe = torch.linspace(-4.0, 4.0, hidden.shape[1], dtype=torch.float64)[None]
        probe = probe + 0.1  # away from the zero of SiLU
        ratio = readout.non_linearity(probe) / torch.nn.functional.silu(probe)
        if float(ratio.std()) > 1e-9 * float(ratio.mean().abs()):
            raise _refuse("a readout whose gate is not SiLU")
        return hidden[:, own].numpy(), out.numpy(), float(ratio.mean())


def _start_of(irreps: Any, degree: int) -> int:
    """Where the features of an l begin; each l occurs once."""
    for part, where in zip(irreps, irreps.slices(), strict=True):
        if part.ir.l == degree:
            return int(where.start)
    raise _refuse(f"irreps {irreps} without l = {degree}")


def _by_l(module: Any, irreps: Any, channels: int, attrs: Any, torch: Any) -> np.ndarray:
    """Matrices (n_elements or 1, max l of the outcome + 1, channels, channels) of a linear map."""
    out_irreps = module.irreps_out
    elements = [None] if attrs is None else list(attrs)
    most = min(irreps.lmax, out_irreps.lmax)
    found = []
    for one in elements:
        matrices = []
        for degree in range(most + 1):
            size = 2 * degree + 1
            x = torch.zeros((channels, irreps.dim), dtype=torch.float64)
            start = _start_of(irreps, degree)
            for channel in range(channels):
                x[channel, start + channel * size] = 1.0
            y = module(x) if one is None else module(x, one[None].repeat(channels, 1))
            target = _start_of(out_irreps, degree)
            matrices.append(y[:, target : target + channels * size : size])
        found.append(torch.stack(matrices))
    return np.asarray(torch.stack(found).numpy())
