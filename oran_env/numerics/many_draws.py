"""Random numbers many at a time, in loops that run in vector registers: the draws of ``random_draws.py`` side by side.

The logarithm is written out: a call of the C library's stops a loop from running in vector registers. It is that of
fdlibm, x = 2^e·m with m in [√½, √2), ln m = 2·artanh(s), s = (m - 1)/(m + 1), within two units in the last place, and
made of operations that IEEE 754 rounds, so that the numbers are the same on every machine, one or many at a time.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from oran_env.numerics.jit import Floats, Key, inlined, kernel
from oran_env.numerics.random_draws import philox

Counters = NDArray[np.uint64]

_LN2 = math.log(2.0)
_ROOT = np.int64(np.array(math.sqrt(0.5)).view(np.int64))  # the bits of √½
_EXPONENT, _MANTISSA_BITS = np.int64(-1 << 52), np.int64(52)
_L1, _L2, _L3, _L4 = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
)
_L5, _L6, _L7 = 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01
_ROUND = 1.5 * 2.0**52  # added and taken away again, it rounds to the nearest integer
# cos(2π·x) = Σ_n (-1)^n (2π)^(2n+1) y^(2n+1) / (2n+1)! with y = 1/4 - |x| in [-1/4, 1/4]
_C0, _C1, _C2, _C3, _C4, _C5, _C6, _C7, _C8 = (
    (-1) ** n * (2 * math.pi) ** (2 * n + 1) / math.factorial(2 * n + 1) for n in range(9)
)


@kernel
def draw_many(key: Key, step: np.uint64, c2: Counters, c3: Counters, words: Counters) -> None:
    """Write four words (4, n) for each counter, whose last two words are c2 (n,) and c3 (n,), below 2^32."""
    episode, k0, k1 = key[2], key[0], key[1]
    w0, w1, w2, w3 = words[0], words[1], words[2], words[3]
    for i in range(len(c2)):
        w0[i], w1[i], w2[i], w3[i] = philox(step, episode, c2[i], c3[i], k0, k1)


@kernel
def to_exponentials(words: Counters, numbers: Floats) -> None:
    """Write Exp(1) numbers (n,), -ln((w + 1/2)/2^32), for words (n,) below 2^32, which are used up."""
    bits = numbers.view(np.int64)
    for i in range(len(numbers)):
        numbers[i] = float(np.int64(words[i])) + 0.5
    for i in range(len(numbers)):
        exponent = (bits[i] - _ROOT) & _EXPONENT
        words[i] = np.uint64(exponent)
        bits[i] = bits[i] - exponent
    for i in range(len(numbers)):
        exponent = float(np.int64(words[i]) >> _MANTISSA_BITS) - 32.0
        f = numbers[i] - 1.0
        s = f / (2.0 + f)
        z = s * s
        r = z * (_L1 + z * (_L2 + z * (_L3 + z * (_L4 + z * (_L5 + z * (_L6 + z * _L7))))))
        numbers[i] = -(exponent * _LN2 + s * (2.0 + r))


@inlined
def cos_turn(x: float) -> float:
    """Cosine of x turns, cos(2π·x), within 1e-12 while |x| < 2^40 leaves x its fraction."""
    y: float = 0.25 - abs(x - ((x + _ROUND) - _ROUND))
    z = y * y
    even: float = _C0 + z * (_C1 + z * (_C2 + z * (_C3 + z * (_C4 + z * (_C5 + z * (_C6 + z * (_C7 + z * _C8)))))))
    return y * even
