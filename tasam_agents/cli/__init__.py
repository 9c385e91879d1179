"""The commands of ``tasam``, one module each."""
