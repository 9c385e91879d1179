"""Columns that are dropped, shifted and scaled, and what is refused."""

import numpy as np
import pytest

from tasam_agents.learner.input_scaling import InputScaling


def test_input_scaling_selects_shifts_and_keeps_padding_zero() -> None:
    layout = {"qos": slice(0, 2), "count": slice(2, 3), "bits": slice(3, 5)}
    scaling = InputScaling(layout, (5, 2), [("qos", 0.5, 2.0), ("bits", 0.0, 0.0)])
    observations = np.array([[[0.25, 1.0, 7.0, 1.0, 1.0], [0.5, 0.0, 0.0, 0.0, 0.0]]], dtype=np.float32)
    inputs = scaling(observations)
    assert inputs.dtype == np.float32
    assert scaling.size == 3
    np.testing.assert_array_equal(inputs, [[[-0.5, 1.0, 7.0], [0.0, -1.0, 0.0]]])
    narrow = InputScaling({"qos": slice(0, 2)}, (2, 1), [("qos", 0.5, 2.0)])
    np.testing.assert_array_equal(narrow(np.zeros((2, 2), np.float32)), [[-1.0, -1.0], [-1.0, 0.0]])


def test_input_scaling_names_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"'speed'.*\['qos'\]"):
        InputScaling({"qos": slice(0, 2)}, (2,), [("speed", 0.0, 1.0)])
    with pytest.raises(ValueError, match="drops every column"):
        InputScaling({"qos": slice(0, 2)}, (2,), [("qos", 0.0, 0.0)])
