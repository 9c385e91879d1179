"""`tasam compare`: several agents over seeds."""
