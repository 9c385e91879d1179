"""What kernels read and write, handed over as one pointer in place of many arrays.

A named tuple of forty arrays costs numba seconds in every kernel that is given it, and microseconds in every call. So
its fields are written down once, as words of 8 bytes, and a kernel gets the address of these. It reads ``s.gain`` as it
does from the named tuple itself, which it may be given as well: by a test, or with ``NUMBA_DISABLE_JIT=1``.

The words are a base address, then each field in turn: of a number its bits; of an array (C-contiguous) its address less
the base, and its shape; of a named tuple the address of its words. A field that is annotated as ``Choice`` is part of
the type, so that ``jit.switch`` compiles no more than the branch that is taken.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.core import cgutils
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, models, register_model
from numba.np.arrayobj import make_array, populate_array
from numpy.typing import NDArray

Choice = int  # the number of a branch of a ``jit.switch``, or 0 and 1 where one is there or not

_WORD = 8  # bytes
_POINTER = ir.IntType(8).as_pointer()


class BlockType(types.Type):  # type: ignore[misc]
    """The words of the named tuple ``title`` with fields of these names and types."""

    def __init__(self, title: str, fields: tuple[tuple[str, Any], ...]) -> None:
        self.title, self.fields = title, fields
        self.places: dict[str, tuple[int, Any]] = {}  # word at which a field begins, and its type
        place = 1
        for name, of in fields:
            self.places[name] = place, of
            place += 1 + (of.ndim if isinstance(of, types.Array) else 0)
        self.size = place
        super().__init__(f"{title}_{zlib.crc32(repr(fields).encode()):08x}")

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two of them the same."""
        return self.title, self.fields


@register_model(BlockType)
class _BlockModel(models.OpaqueModel):  # type: ignore[misc]
    """A pointer."""


@infer_getattr
class _BlockAttribute(AttributeTemplate):  # type: ignore[misc]
    key = BlockType

    def generic_resolve(self, block: BlockType, attribute: str) -> Any:
        return block.places[attribute][1] if attribute in block.places else None


@lower_getattr_generic(BlockType)  # type: ignore[untyped-decorator]
def _read(context: Any, builder: Any, block: BlockType, pointer: Any, attribute: str) -> Any:
    place, of = block.places[attribute]
    words = builder.bitcast(pointer, ir.IntType(64).as_pointer())

    def word(number: int) -> Any:
        loaded = builder.load(cgutils.gep_inbounds(builder, words, number))
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))  # no kernel writes words
        return loaded

    if isinstance(of, types.Literal):
        return context.get_constant(of.literal_type, of.literal_value)
    if isinstance(of, BlockType):
        return builder.inttoptr(word(place), _POINTER)
    if isinstance(of, types.Float):
        return builder.bitcast(word(place), ir.DoubleType())
    if isinstance(of, types.Boolean):
        return builder.trunc(word(place), ir.IntType(1))
    if isinstance(of, types.Integer):
        return word(place)
    array = make_array(of)(context, builder)
    size = context.get_abi_sizeof(context.get_data_type(of.dtype))
    shape = [word(place + 1 + axis) for axis in range(of.ndim)]
    strides = [context.get_constant(types.intp, size)]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    data = builder.inttoptr(builder.add(word(0), word(place)), array.data.type)
    populate_array(array, data, shape, strides, strides[-1], None)  # whoever has the block keeps the memory
    return array._getvalue()


def hints(group: Any) -> dict[str, str]:
    """How the fields of a named tuple are annotated, as it is written there."""
    return {name: getattr(of, "__forward_arg__", of) for name, of in group.__annotations__.items()}


def _type_of(value: Any, annotation: Any) -> Any:
    if annotation == "Choice":
        return types.literal(int(value))
    if isinstance(value, np.ndarray):
        return types.Array(from_dtype(value.dtype), value.ndim, "C")
    if isinstance(value, bool | np.bool_):
        return types.boolean
    return types.float64 if isinstance(value, float) else types.int64


class Block:
    """A named tuple of numbers, arrays and named tuples, and its words, which a kernel is given the ``address`` of.

    values: the named tuple, whose arrays must stay where they are; base: what their addresses are counted from.
    """

    def __init__(self, values: Any, base: int = 0) -> None:
        self.values = values
        self.type: BlockType
        self._inner: list[Any] = []  # to be kept alive
        fields, words = [], [base]
        written = hints(type(values))
        for name, value in values._asdict().items():
            if isinstance(value, tuple):
                inner = Block(value)
                self._inner.append(inner)
                fields.append((name, inner.type))
                words.append(inner.address)
                continue
            of = _type_of(value, written[name])
            fields.append((name, of))
            if isinstance(value, np.ndarray):
                kept = np.ascontiguousarray(value)
                self._inner.append(kept)
                words += [kept.ctypes.data - base, *kept.shape]
            else:
                words.append(int(np.float64(value).view(np.int64)) if of is types.float64 else int(value))
        self.type = BlockType(type(values).__name__, tuple(fields))
        self.words: NDArray[np.int64] = np.array(words, dtype=np.int64)

    @property
    def address(self) -> int:
        """Of the words."""
        return int(self.words.ctypes.data)

    def move(self, base: int) -> None:
        """All arrays lie elsewhere now, at their places from another base address; ``values`` does not follow."""
        self.words[0] = base
