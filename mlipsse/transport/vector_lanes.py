"""Eight float64 numbers that compiled code handles as one, in whatever registers the machine has.

LLVM turns loops over arrays into such code only where it can prove that what is written is not read
again; in the butterflies of a Fourier transform it cannot. `load` and `store` do so by themselves,
and + - * of what was loaded are instructions on all eight.
"""

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model

from mlipsse.transport.fourier_plan import LANES

_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_compiled: Any = intrinsic  # whose own annotation has the compiler's argument in the calls


class _LanesType(types.Type):
    """Type of the results of `load` and `fill`; exists only in compiled code."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes{LANES}")


_lanes = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _DOUBLES)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    first = builder.gep(context.make_array(array_type)(context, builder, array).data, [index])
    element = context.get_data_type(array_type.dtype)
    return builder.bitcast(first, ir.VectorType(element, LANES).as_pointer())


@_compiled
def load(_: Any, array: Any, index: Any) -> Any:
    """Lanes from a flat, contiguous array of float64 or float32, `index` being their first."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        of_array = signature.args[0]
        pointer = _pointer(context, builder, of_array, *arguments)
        element = context.get_data_type(of_array.dtype)
        size = of_array.dtype.bitwidth // 8  # arrays begin anywhere that suits one number
        found = builder.load(pointer, align=size, typ=ir.VectorType(element, LANES))
        return found if size == 8 else builder.fpext(found, _DOUBLES)

    return _lanes(array, types.intp), code


@_compiled
def store(_: Any, array: Any, index: Any, value: Any) -> Any:
    """Write lanes into a flat, contiguous array of float64, from `index` on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], pointer, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes), code


@_compiled
def fetch(_: Any, array: Any, indices: Any) -> Any:
    """Have an element brought near that is read or written soon; none need be there."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        of_array, of_indices = signature.args
        given = context.make_array(of_array)(context, builder, arguments[0])
        at = cgutils.unpack_tuple(builder, arguments[1], len(of_indices))
        element = cgutils.get_item_pointer(context, builder, of_array, given, at)
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        prefetch = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag]),
            "llvm.prefetch.p0i8",
        )
        to_read, into_the_first_cache, data = flag(0), flag(3), flag(1)
        address = builder.bitcast(element, byte)
        builder.call(prefetch, [address, to_read, into_the_first_cache, data])
        return context.get_dummy_value()

    return types.void(array, indices), code


@_compiled
def fill(_: Any, number: Any) -> Any:
    """Lanes that are all the same number."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        nothing = ir.Constant(_DOUBLES, ir.Undefined)
        index = ir.IntType(32)
        first = builder.insert_element(nothing, arguments[0], ir.Constant(index, 0))
        all_first = ir.Constant(ir.VectorType(index, LANES), [0] * LANES)
        return builder.shuffle_vector(first, nothing, all_first)

    return _lanes(types.float64), code


@_compiled
def total(_: Any, value: Any) -> Any:
    """Sum of the lanes, in an order that is always the same."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        double = ir.DoubleType()
        reduce = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(double, [double, _DOUBLES]),
            f"llvm.vector.reduce.fadd.v{LANES}f64",
        )
        zero = ir.Constant(double, -0.0)
        return builder.call(reduce, [zero, arguments[0]], fastmath=("reassoc",))

    return types.float64(_lanes), code


def _arithmetic(of_python: Any, of_llvm: str) -> None:
    @_compiled
    def lane_by_lane(_: Any, left: Any, right: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, of_llvm)(*arguments, flags=("contract",))

        return _lanes(_lanes, _lanes), code

    @overload(of_python)
    def operation(left, right):  # type: ignore[no-untyped-def]  # numba compares annotations
        if isinstance(left, _LanesType) and isinstance(right, _LanesType):
            return lambda left, right: lane_by_lane(left, right)
        return None


_arithmetic(operator.add, "fadd")
_arithmetic(operator.sub, "fsub")
_arithmetic(operator.mul, "fmul")
