"""Many runs: which are done, and the rest in processes or on a cluster."""
