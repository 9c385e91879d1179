"""What a real transmitter adds: an error as strong as a share of the signal itself, which caps the SINR.

An error vector magnitude of EVM adds EVM² times the received power to the noise:

    1/SINR' = 1/SINR + EVM²

TS 38.104, table 6.5.2.2-1, allows 8 % for 64-QAM and 3.5 % for 256-QAM: no more than 21.9 and 29.1 dB.
"""

from __future__ import annotations

from oran_env.numerics.jit import kernel


@kernel
def limited(sinr: float, evm2: float) -> float:
    """The SINR under an error vector magnitude whose square is ``evm2``; 0 leaves it as it is."""
    return sinr if evm2 == 0.0 else sinr / (1.0 + evm2 * sinr)
