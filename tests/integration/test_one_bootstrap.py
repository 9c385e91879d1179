"""Each package has an interquartile mean and a bootstrap of its own: they are the same, one network included."""

from __future__ import annotations

from typing import Any

import hypothesis.extra.numpy
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oran_env.scoring import normalise as score
from tasam_agents.stats import bootstrap

shapes = st.tuples(st.integers(1, 6), st.integers(1, 4))
tables = hypothesis.extra.numpy.arrays(np.float64, shapes, elements=st.floats(-3, 3, width=32))


@settings(max_examples=40, deadline=None)
@given(tables, st.sampled_from([0.5, 0.9, 0.95]))
@example(np.ones((1, 1)), 0.95)
@example(np.array([[0.5, 2.0, 1.0]]), 0.95)
@example(np.array([[0.5], [2.0]]), 0.95)
def test_interquartile_mean_and_interval_agree(values: Any, confidence: float) -> None:
    """Values (S, N): for the agents, S draws on each of N networks; for a score, S networks of each of N scenarios."""
    groups = list(values.T)
    mean = float(score.interquartile_mean(np.concatenate(groups)))
    assert mean == bootstrap.interquartile_mean(values)
    if values.size < 4:  # nothing is left out
        assert mean == np.mean(np.sort(values, axis=None))
    drawn = bootstrap.Bootstrap(score.RESAMPLES, confidence, "within_networks")
    theirs = bootstrap.interquartile_mean_interval(values, drawn)
    ours = score.bootstrap_interval(groups, confidence)
    if len(values) == 1:
        assert (ours, theirs) == (None, None)
    else:
        assert theirs is not None
        assert ours == (theirs.low, theirs.high)
        assert theirs.mean == mean
    if values.shape[1] == 1 and len(values) >= 3:  # one network: the agents' default draws the same, from three on
        whole = bootstrap.interquartile_mean_interval(values, bootstrap.Bootstrap(score.RESAMPLES, confidence))
        assert whole == theirs
