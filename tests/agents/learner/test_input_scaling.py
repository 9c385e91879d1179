"""Columns that are dropped, shifted and scaled, and what is refused."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

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


def placed(array: NDArray[np.float32], offset: int) -> NDArray[np.float32]:
    """A copy that begins so many bytes behind a multiple of 64."""
    room = np.empty(array.nbytes + 128, np.uint8)
    begin = -room.ctypes.data % 64 + offset
    copy: NDArray[np.float32] = room[begin : begin + array.nbytes].view(np.float32).reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.parametrize("num_envs", [1, 2, 3, 4])
def test_no_bit_of_a_network_depends_on_where_observations_lie(num_envs: int) -> None:
    """Without care two and three rows differ in their last bits here."""
    scaling = InputScaling({"all": slice(0, 17)}, (17, 17), ())
    layer = torch.nn.Linear(17, 16)
    observations = np.random.default_rng(0).random((num_envs, 2, 17), np.float32)
    found = set()
    for offset in range(0, 64, 4):
        inputs = scaling(placed(observations, offset))
        assert inputs.ctypes.data % 64 == 0
        with torch.no_grad():
            found.add(layer(torch.from_numpy(inputs)[:, 1]).numpy().tobytes())
    assert len(found) == 1
