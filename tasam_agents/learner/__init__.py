"""Section IV of the paper: one update of critics and actors, an equation a file."""
