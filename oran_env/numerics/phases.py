"""Phases: kernels that are compiled each on its own, and called one after the other by their addresses.

A phase takes the indices of networks ``which`` (n,), perhaps ``actions`` (B, M, A), then blocks (``blocks.py``). Were
it called by its name, all phases would be compiled into one function as long as a book, those that are off too.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from oran_env.numerics.blocks import Block
from oran_env.numerics.jit import Integers, Singles, compile_once, kernel

_MOST = 8  # blocks of a phase
WIDTH = 2 + _MOST  # of a call
_WHICH = types.Array(types.int64, 1, "C")
_ACTIONS = types.Array(types.float32, 3, "C")

COMPILED = not numba.config.DISABLE_JIT


def call_of(phase: Any, takes_actions: bool, blocks: list[Block]) -> NDArray[np.int64]:
    """What ``run`` needs to call a phase, which is compiled if it has not been: address, form, addresses of blocks."""
    signature = (_WHICH, *([_ACTIONS] if takes_actions else []), *(block.type for block in blocks))
    compiled = compile_once(phase, signature)
    address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    call = np.zeros(WIDTH, dtype=np.int64)
    call[: 2 + len(blocks)] = [address, 2 * len(blocks) + takes_actions, *(block.address for block in blocks)]
    return call


@intrinsic  # type: ignore[untyped-decorator]
def _call(typing_context: Any, which: Any, actions: Any, call: Any) -> Any:
    """Call a phase with its blocks; an error in it is raised."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[2])(context, builder, arguments[2]).data
        words = [builder.load(builder.gep(data, [ir.Constant(ir.IntType(64), i)])) for i in range(WIDTH)]
        pointers = [builder.inttoptr(word, context.get_value_type(types.voidptr)) for word in words[2:]]
        done = builder.append_basic_block("done")
        forms = builder.switch(words[1], done)
        for number in range(1, _MOST + 1):
            for takes_actions in (0, 1):
                block = builder.append_basic_block(f"form_{2 * number + takes_actions}")
                forms.add_case(ir.Constant(ir.IntType(64), 2 * number + takes_actions), block)
                builder.position_at_end(block)
                given = (*signature.args[: 1 + takes_actions], *[types.voidptr] * number)
                values = [*arguments[: 1 + takes_actions], *pointers[:number]]
                function = context.call_conv.get_function_type(types.none, given).as_pointer()
                status, _ = context.call_conv.call_function(
                    builder, builder.inttoptr(words[0], function), types.none, given, values
                )
                with builder.if_then(status.is_error, likely=False):
                    context.call_conv.return_status_propagate(builder, status)
                builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.none(which, actions, call), generate


@kernel
def run(which: Integers, actions: Singles, calls: Integers) -> None:
    """Call phases (phases, WIDTH), see ``call_of``, one after the other."""
    for i in range(calls.shape[0]):
        _call(which, actions, calls[i])
