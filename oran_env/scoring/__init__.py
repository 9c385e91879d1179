"""Fixed networks to be scored on, and the search of the rules' numbers."""
