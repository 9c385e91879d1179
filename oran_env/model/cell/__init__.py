"""Where RUs and UEs are, who serves whom, who moves, comes and goes."""
