"""What a run survives and what it refuses, at length; `make trust`."""
