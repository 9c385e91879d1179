"""The three slices and their order in every array."""

SLICES = ("eMBB", "mMTC", "URLLC")
NUM_SLICES = len(SLICES)
EMBB, MMTC, URLLC = range(NUM_SLICES)
