"""Policies made by hand, and the search that looks ahead."""

from oran_env.policies.rules import Policy, reference_policies

__all__ = ["Policy", "reference_policies"]
