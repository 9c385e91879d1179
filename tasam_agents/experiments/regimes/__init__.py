"""Where SAM could pay: how often transitions are used, how many networks there are to learn from, and ρ."""
