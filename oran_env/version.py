"""The version of both packages, importable without either."""

__version__ = "0.2.0"
