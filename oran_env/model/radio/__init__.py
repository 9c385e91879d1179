"""From the UE of each RB to its rate: path loss, fading, interference."""
