"""The command line ``tasam``."""
