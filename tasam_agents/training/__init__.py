"""Algorithm 1, and the files of a run."""
