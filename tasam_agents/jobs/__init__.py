"""Many runs: one job, one status, one loop, and two pools that work, processes of this machine or a Ray cluster."""
