"""`tasam sharpness`: how sharp the losses of a run are."""
