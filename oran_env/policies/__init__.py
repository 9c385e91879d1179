"""Rules, which are policies made by hand, and lookahead, which searches in copies of the simulator."""

from oran_env.policies.offered import reference_policies
from oran_env.policies.rules import Policy

__all__ = ["Policy", "reference_policies"]
