"""JSON documents that notice when they are changed: the last key, ``sha256``, is the checksum of the rest.

The checksum is that of the document as ``json.dumps`` writes it, without blanks, before ``sha256`` is added. It
protects against accidents: whoever changes a document on purpose can seal it anew, so that a reader says what it needs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasam_agents.errors import Damaged
from tasam_agents.files.bounded_read import JSON_LIMIT, read_json
from tasam_agents.files.form import Form, check_form

SEAL = "sha256"


def checksum_of(document: Any) -> str:
    """SHA-256 of a document of JSON types; NaN and infinity are refused."""
    return hashlib.sha256(json.dumps(document, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with its checksum."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(document), allow_nan=False))
    return {**plain, SEAL: checksum_of(plain)}


def read_sealed(path: Path, what: str, form: Form, limit: int = JSON_LIMIT) -> dict[str, Any]:
    """The document of a file that holds a sealed one.

    Args:
        path: of the file.
        what: "a measurement", for messages.
        form: what it holds at least, whoever sealed it.
        limit: most bytes that are read.

    Raises:
        FileNotFoundError: there is none.
        Damaged: it is not what was written, or not of that form.
    """
    document = read_json(path, limit)
    if not isinstance(document, dict) or SEAL not in document:
        raise Damaged(f"{path} is not {what}: there is no checksum in it")
    seal = document.pop(SEAL)
    if seal != checksum_of(document):
        raise Damaged(f"{path} is damaged: its checksum is not the one it was written with")
    check_form(document, form, f"{path}, {what}")
    return document
