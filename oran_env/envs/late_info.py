"""An info that is worked out when somebody first reads it: of most steps nobody does, and a DU has 31 entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class LateInfo(dict[str, Any]):
    """A dict that ``work_out`` fills, once, before anything is done with it; a copy or pickle of it is a plain dict.

    Until then it holds one entry, because C code such as that of ``json`` may ask a dict for its length unheard.
    """

    __slots__ = ("_work_out",)

    def __init__(self, work_out: Callable[[], dict[str, Any]]) -> None:
        super().__init__(unread=None)
        self._work_out: Callable[[], dict[str, Any]] | None = work_out

    def fill(self) -> None:
        """Work out what has not been."""
        if self._work_out is not None:
            work_out, self._work_out = self._work_out, None
            dict.clear(self)
            dict.update(self, work_out())

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return dict, (dict(self),)


def _after_filling(name: str) -> Callable[..., Any]:
    method = getattr(dict, name)

    def wrapper(self: LateInfo, *arguments: Any, **named: Any) -> Any:
        self.fill()
        return method(self, *arguments, **named)

    wrapper.__name__, wrapper.__doc__ = name, method.__doc__
    return wrapper


for _name in (
    "__getitem__", "__setitem__", "__delitem__", "__contains__", "__iter__", "__reversed__", "__len__", "__eq__",
    "__ne__", "__repr__", "__or__", "__ror__", "__ior__", "get", "keys", "values", "items", "copy", "pop", "popitem",
    "setdefault", "update", "clear",
):  # fmt: skip
    setattr(LateInfo, _name, _after_filling(_name))
