"""Other people's libraries on this environment, each tried in an environment of its own: ``make interop``."""
