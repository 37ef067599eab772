"""A MACE model that tracers can see through: no TorchScript inside, sizes left open.

A `.model` file holds e3nn's linear maps and tensor products as compiled TorchScript, and e3nn's
spherical harmonics are a TorchScript function: both pin the number of atoms and edges of the trace.
"""

import math
from typing import Any

import torch
from e3nn import o3
from e3nn.o3._linear import _codegen_linear
from e3nn.o3._tensor_product._codegen import codegen_tensor_product_left_right


class SphericalHarmonics(torch.nn.Module):
    """Real spherical harmonics of degrees 0 to `lmax` as polynomials in plain Python.

    In e3nn's convention: y is the polar axis, orders run from -l to l, and the squares of one
    degree sum to 2l+1 («component»). From the recursions of the associated Legendre functions
    (NIST Digital Library of Mathematical Functions, 14.10.3) and of the powers of z + ix.
    """

    def __init__(self, lmax: int) -> None:
        super().__init__()
        self.lmax = lmax

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Spherical harmonics of the directions of `vectors`, (n, 3), as (n, (lmax+1)^2)."""
        x, y, z = torch.nn.functional.normalize(vectors, dim=-1).unbind(-1)
        one = torch.ones_like(x)
        cosine, sine = [one], [torch.zeros_like(x)]  # of order times azimuth, times sin(polar)^m
        for _ in range(self.lmax):
            cosine.append(z * cosine[-1] - x * sine[-1])
            sine.append(z * sine[-1] + x * cosine[-2])
        columns = {}
        for m in range(self.lmax + 1):
            below, legendre = torch.zeros_like(x), one * math.prod(range(1, 2 * m, 2))
            for degree in range(m, self.lmax + 1):
                if degree > m:
                    above = (2 * degree - 1) * y * legendre - (degree + m - 1) * below
                    below, legendre = legendre, above / (degree - m)
                scale = math.sqrt(
                    (2 * degree + 1)
                    * (1 if m == 0 else 2)
                    * math.factorial(degree - m)
                    / math.factorial(degree + m)
                )
                columns[degree, -m] = scale * legendre * sine[m]
                columns[degree, m] = scale * legendre * cosine[m]
        return torch.stack(
            [
                columns[degree, m]
                for degree in range(self.lmax + 1)
                for m in range(-degree, degree + 1)
            ],
            dim=-1,
        )


def make_traceable(model: Any) -> Any:
    """Replace, in place, what TorchScript holds in a MACE `model`; its weights stay the same.

    Raises
    ------
    ValueError
        when the model has compiled parts that this cannot make again.
    """
    for module in list(model.modules()):
        if type(module) is o3.Linear:
            fresh, _, _ = _codegen_linear(
                module.irreps_in,
                module.irreps_out,
                module.instructions,
                shared_weights=module.shared_weights,
                optimize_einsums=module._optimize_einsums,
            )
            module._compiled_main = _with_constants_of(module._compiled_main, fresh)
        elif isinstance(module, o3.TensorProduct):
            fresh = codegen_tensor_product_left_right(
                module.irreps_in1,
                module.irreps_in2,
                module.irreps_out,
                module.instructions,
                module.shared_weights,
                module._specialized_code,
                module._optimize_einsums,
            )
            module._compiled_main_left_right = _with_constants_of(
                module._compiled_main_left_right, fresh
            )
            module._compiled_main_right = torch.nn.Identity()  # never called in MACE
    model.spherical_harmonics = _in_python(model.spherical_harmonics)
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise ValueError(f"its part {name} is compiled already")
    return model


def _with_constants_of(compiled: torch.nn.Module, fresh: torch.nn.Module) -> torch.nn.Module:
    """`fresh` code with the coupling coefficients of the `compiled` one, in its dtype."""
    fresh.load_state_dict(compiled.state_dict(), assign=True)
    return fresh


def _in_python(harmonics: Any) -> SphericalHarmonics:
    if not (
        harmonics.normalize and harmonics.normalization == "component" and harmonics._is_range_lmax
    ):
        raise ValueError("its spherical harmonics are not normalised as those of MACE are")
    return SphericalHarmonics(harmonics._lmax)
