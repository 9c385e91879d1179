"""From an action to the UE of each RB."""
