"""How many runs end when not all of them came through."""


class RunsFailed(RuntimeError):
    """Some runs failed; the others are kept and count. The message names each with its log."""
