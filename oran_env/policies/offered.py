"""Which of the rules a scenario offers for comparison."""

from __future__ import annotations

from oran_env.policies.reading_rules import reading_policies, reads_backlog
from oran_env.policies.rules import Policy, rules_on_counts
from oran_env.scenario.fields import Scenario


def reference_policies(scenario: Scenario) -> dict[str, Policy]:
    """The rules for a scenario by name, made afresh in each call, and random actions among them.

    Where a backlog is seen, ``backlog_rule``, which reads it, and ``weighted_counts``, which is the same without.
    """
    return {**rules_on_counts(scenario), **(reading_policies(scenario) if reads_backlog(scenario) else {})}
