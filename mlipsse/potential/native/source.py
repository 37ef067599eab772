"""The C++ of a model: its template filled, and the numbers it reads."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from mlipsse.potential.native.arithmetic import Arithmetic, Layer, Polynomial
from mlipsse.potential.native.splines import Spline

_FNV_START, _FNV_PRIME, _WORD = 1469598103934665603, 1099511628211, (1 << 64) - 1


@dataclass(frozen=True, eq=False)
class NativeSource:
    """A native potential before it is compiled.

    Attributes
    ----------
    code : C++
    weights : bytes of a safetensors file, the only one that the code accepts
    n_knots : of the radial splines
    spline_error : relative, of their slopes
    """

    code: str
    weights: bytes
    n_knots: int
    spline_error: float


def write_source(model: Arithmetic, *, dtype: str, title: str, command: str) -> NativeSource:
    """Code and weights of a model.

    Parameters
    ----------
    dtype : `float32` or `float64`, of the numbers and the arithmetic
    title, command : for the first lines of the source: what it is, and how to build it
    """
    splines = [layer.radial for layer in model.layers]
    n_knots = max(spline.n_knots for spline in splines)
    scalars = [
        one for one in (model.pair_energy, *(layer.density for layer in model.layers)) if one
    ]
    n_fine = max((one.n_knots for one in scalars), default=2)
    tensors = _tensors(model, scalars, n_knots, n_fine)
    weights, places = _safetensors(tensors, dtype)
    header = int.from_bytes(weights[:8], "little") + 8
    template = Environment(
        loader=PackageLoader("mlipsse.potential.native"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    ).get_template("engine.cpp.j2")
    about = {
        "elements": list(model.atomic_numbers),
        "r_max_A": model.r_max_A,
        "layers": len(model.layers),
        "channels": model.channels,
        "dtype": dtype,
    }
    next_scalar = iter(range(1 if model.pair_energy else 0, 100))
    code = template.render(
        title=title,
        command=command,
        about=json.dumps(about),
        n_elements=len(model.atomic_numbers),
        n_lm=(model.max_ell + 1) ** 2,
        max_ell=model.max_ell,
        n_tables=splines[0].knots.shape[0],
        n_knots=n_knots,
        n_fine=n_fine,
        n_scalars=len(scalars),
        r_min=repr(splines[0].low),
        r_max=repr(model.r_max_A),
        scale=repr(model.scale),
        pair_energy=_bool(model.pair_energy is not None),
        table_of=", ".join("{" + ", ".join(map(str, row)) + "}" for row in model.table_of),
        atomic_numbers=", ".join(map(str, model.atomic_numbers)),
        atom_energies=", ".join(repr(float(e)) for e in model.atom_energies_eV),
        channels=model.channels,
        harmonics=_harmonics(model),
        harmonics_gradient=_harmonics_gradient(model),
        layers=[
            _layer(model, number, next(next_scalar) if layer.density else -1)
            for number, layer in enumerate(model.layers)
        ],
        tensors="\n".join(
            f'    {{"{name}", {start}, {count}}},' for name, (start, count) in places.items()
        ),
        header_bytes=header,
        file_bytes=len(weights),
        file_hash=file_hash(weights),
    )
    return NativeSource(code, weights, n_knots, max(spline.error for spline in splines))


def file_hash(data: bytes) -> int:
    """FNV-1a over words of eight bytes, the last filled with zeros: what the code checks."""
    padded = data + b"\0" * (-len(data) % 8)
    value = _FNV_START
    for word in np.frombuffer(padded, dtype="<u8").tolist():
        value = ((value ^ word) * _FNV_PRIME) & _WORD
    return value


def _tensors(
    model: Arithmetic, scalars: Sequence[Spline], n_knots: int, n_fine: int
) -> dict[str, np.ndarray]:
    """Arrays by the names that the code reads."""
    n_elements, channels = model.first.shape
    first = model.layers[0]
    n_out = len(first.polynomials)
    first_skip = np.zeros((n_elements, n_out, channels))
    if first.skip is not None:
        first_skip[:, 0] = first.skip_of_first
    tensors: dict[str, np.ndarray] = {
        "first": model.first,
        "first_skip": first_skip,
    }
    if scalars:
        tensors["scalars"] = np.stack(
            [one.refined(n_fine).knots[..., 0] for one in scalars], axis=2
        )
    for number, layer in enumerate(model.layers):
        knots = layer.radial.refined(n_knots).knots  # [table][knot][3][path * channel]
        shape = (*knots.shape[:3], len(layer.paths), channels)
        tensors[f"{number}.table"] = knots.reshape(shape).swapaxes(2, 3)
        tensors[f"{number}.message"] = layer.message
        ordered = [
            polynomial.coefficients[:, [polynomial.monomials.index(m) for m in _order(polynomial)]]
            for polynomial in layer.polynomials
        ]
        tensors[f"{number}.coefficients"] = np.concatenate(ordered, axis=1)
        tensors[f"{number}.linear"] = layer.linear
        if number:
            tensors[f"{number}.up"] = layer.up
            if layer.skip is not None:
                tensors[f"{number}.skip"] = layer.skip
        if layer.readout is not None:
            tensors[f"{number}.readout"] = layer.readout.T
        if layer.readout_out is not None:
            tensors[f"{number}.readout_out"] = layer.readout_out
    return tensors


def _safetensors(
    tensors: dict[str, np.ndarray], dtype: str
) -> tuple[bytes, dict[str, tuple[int, int]]]:
    """A safetensors file, and where every tensor begins in its data, and its size.

    The format is that of Hugging Face: the length of a JSON header in eight bytes, the header, the
    data; `safetensors.numpy.load` reads it.
    """
    header: dict[str, object] = {"__metadata__": {"format": "mlipsse-native-1"}}
    data, places = bytearray(), {}
    for name, array in tensors.items():
        kind = np.dtype("<f8" if name == "scalars" else "<f4" if dtype == "float32" else "<f8")
        raw = np.ascontiguousarray(array, dtype=kind).tobytes()
        data += b"\0" * (-len(data) % 8)
        places[name] = (len(data), array.size)
        header[name] = {
            "dtype": "F64" if kind.itemsize == 8 else "F32",
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + bytes(data), places


def _layer(model: Arithmetic, number: int, density: int) -> dict[str, object]:
    """What the template takes of a layer."""
    layer = model.layers[number]
    sums, rows, paths = 0, [], []
    n_mid = 0
    for path in layer.paths:
        paths.append({"l_edge": path.l_edge, "l_node": path.l_node, "sums": sums})
        sums += (2 * path.l_edge + 1) * (2 * path.l_node + 1)
        rows.append(n_mid)
        n_mid += 2 * path.l_out + 1
    previous = model.layers[number - 1] if number else None
    following = model.layers[number + 1] if number + 1 < len(model.layers) else None
    return {
        "paths": paths,
        "n_sums": sums,
        "n_mid": n_mid,
        "n_in": (layer.max_l_in + 1) ** 2,
        "n_out": len(layer.polynomials),
        "n_previous": len(previous.polynomials) if previous else 1,
        "n_next": (following.max_l_in + 1) ** 2 if following else 1,
        "max_l_in": layer.max_l_in,
        "max_l_out": layer.max_l_out,
        "max_l_skip": layer.skip.shape[1] - 1 if layer.skip is not None else 0,
        "n_coefficients": sum(len(one.monomials) for one in layer.polynomials),
        "residual": _bool(layer.skip is not None),
        "by_element": _bool(len(layer.message) > 1),
        "density": density,
        "path_l": ", ".join(str(path.l_out) for path in layer.paths),
        "path_rows": ", ".join(map(str, rows)),
        "couple": _couple(layer, rows),
        "couple_back": _couple_back(layer, rows),
        "polynomials": _forward(layer.polynomials),
        "polynomials_back": _backward(layer.polynomials),
        "hidden": 0 if layer.readout_out is None else len(layer.readout_out),
        "activation": repr(layer.activation),
        "readout": layer.readout is not None,
    }


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _terms(layer: Layer, rows: Sequence[int]) -> Iterable[tuple[int, int, float]]:
    """(row after coupling, sum before, coefficient) of everything that is not zero."""
    sums = 0
    for path, row in zip(layer.paths, rows, strict=True):
        n_edge, n_node, n_out = path.coupling.shape
        for m in range(n_out):
            for a in range(n_edge):
                for b in range(n_node):
                    if path.coupling[a, b, m] != 0.0:
                        yield row + m, sums + a * n_node + b, float(path.coupling[a, b, m])
        sums += n_edge * n_node


def _couple(layer: Layer, rows: Sequence[int]) -> str:
    return _sums("mid", "s", [(to, of, c) for to, of, c in _terms(layer, rows)])


def _couple_back(layer: Layer, rows: Sequence[int]) -> str:
    n_sums = sum(one.coupling[:, :, 0].size for one in layer.paths)
    return _sums("s", "d", [(of, to, c) for to, of, c in _terms(layer, rows)], n_sums)


def _sums(to: str, of: str, terms: Sequence[tuple[int, int, float]], n: int = 0) -> str:
    """Every target as a sum of its terms; the first n are zero where they have none."""
    by_target: dict[int, list[str]] = {k: [] for k in range(n)}
    for target, source, value in terms:
        by_target.setdefault(target, []).append(f"{of}[{source}] * real({value!r})")
    return "\n".join(
        f"    {to}[{target}] = {' + '.join(by_target[target]) or 'V{}'};"
        for target in sorted(by_target)
    )


def _order(polynomial: Polynomial) -> list[tuple[int, ...]]:
    """Monomials in the order that the code takes their coefficients in."""
    return [m for i in _tree(polynomial) for m in i]


def _tree(polynomial: Polynomial) -> list[list[tuple[int, ...]]]:
    """Monomials by their first index; in each the single one, then by the second, pairs first."""
    firsts = sorted({m[0] for m in polynomial.monomials})
    return [
        sorted((m for m in polynomial.monomials if m[0] == i), key=lambda m: (m[1:2], len(m), m))
        for i in firsts
    ]


def _nested(
    polynomial: Polynomial, start: int
) -> Iterable[tuple[int, int | None, list[tuple[int, int | None, list[tuple[int, int]]]]]]:
    """By first index i: the number of c_i; by second index j: that of c_ij, and (number, k)."""
    number = start
    for group in _tree(polynomial):
        alone: int | None = None
        seconds: dict[int, tuple[int | None, list[tuple[int, int]]]] = {}
        for m in group:
            if len(m) == 1:
                alone = number
            elif len(m) == 2:
                seconds[m[1]] = (number, seconds.get(m[1], (None, []))[1])
            else:
                pair, thirds = seconds.get(m[1], (None, []))
                seconds[m[1]] = (pair, [*thirds, (number, m[2])])
            number += 1
        yield group[0][0], alone, [(j, pair, thirds) for j, (pair, thirds) in seconds.items()]


def _inner(pair: int | None, thirds: Sequence[tuple[int, int]]) -> str:
    """The coefficient of a pair, and those of its third factors times these."""
    alone = [] if pair is None else [f"c[{pair}]"]
    return " + ".join([*alone, *(f"c[{n}] * a[{k}]" for n, k in thirds)])


def _forward(polynomials: Sequence[Polynomial]) -> str:
    lines, start = [], 0
    for out, polynomial in enumerate(polynomials):
        lines.append("    {")
        lines.append("      V f = V{};")
        for i, alone, seconds in _nested(polynomial, start):
            lines.append(f"      {{ V t = {'V{}' if alone is None else f'c[{alone}]'};")
            for j, pair, thirds in seconds:
                lines.append(f"        t += ({_inner(pair, thirds)}) * a[{j}];")
            lines.append(f"        f += t * a[{i}]; }}")
        lines.append(f"      b[{out}] = f;")
        lines.append("    }")
        start += len(polynomial.monomials)
    return "\n".join(lines)


def _backward(polynomials: Sequence[Polynomial]) -> str:
    lines, start = [], 0
    for out, polynomial in enumerate(polynomials):
        lines.append("    {")
        for i, alone, seconds in _nested(polynomial, start):
            lines.append(
                f"      {{ V t = {'V{}' if alone is None else f'c[{alone}]'};"
                f" const V w = g[{out}] * a[{i}];"
            )
            for j, pair, thirds in seconds:
                lines.append(f"        {{ const V q = {_inner(pair, thirds)};")
                if thirds:
                    lines.append(f"          const V p = w * a[{j}];")
                lines.extend(f"          d[{k}] += c[{n}] * p;" for n, k in thirds)
                lines.append(f"          t += q * a[{j}]; d[{j}] += q * w; }}")
            lines.append(f"        d[{i}] += g[{out}] * t; }}")
        lines.append("    }")
        start += len(polynomial.monomials)
    return "\n".join(lines)


def _power(power: Sequence[int]) -> str:
    factors = [name for name, n in zip("xvz", power, strict=True) for _ in range(n)]
    return " * ".join(factors)


def _harmonics(model: Arithmetic) -> str:
    lines = []
    for lm, row in enumerate(model.harmonics):
        terms = []
        for value, power in zip(row, model.powers, strict=True):
            if value != 0.0:
                product = _power(power)
                terms.append(f"{value!r} * {product}" if product else repr(float(value)))
        lines.append(f"  y[{lm}] = {' + '.join(terms)};".replace("np.float64", ""))
    return "\n".join(lines)


def _harmonics_gradient(model: Arithmetic) -> str:
    lines = []
    for lm, row in enumerate(model.harmonics):
        for axis in range(3):
            terms = []
            for value, power in zip(row, model.powers, strict=True):
                if value != 0.0 and power[axis] > 0:
                    lower = list(power)
                    lower[axis] -= 1
                    product = _power(lower)
                    factor = repr(float(value * power[axis]))
                    terms.append(f"{factor} * {product}" if product else factor)
            if terms:
                lines.append(f"  g[{axis}] += t[{lm}] * ({' + '.join(terms)});")
    return "\n".join(lines)
