"""One run on many machines: collectors at the DUs gather experience, the learner at the RIC updates (section III)."""
