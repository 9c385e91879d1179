"""Rules, which are policies made by hand, and lookahead, which searches in copies of the simulator."""

from oran_env.policies.rules import Policy, reference_policies

__all__ = ["Policy", "reference_policies"]
