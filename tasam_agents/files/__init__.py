"""Files that may be damaged or a stranger's: read within bounds, written whole, sealed."""
