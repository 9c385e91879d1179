"""Known values of the ρ schedules and of the adaptive radius."""

import numpy as np
import pytest

from tasam_agents.config import RhoSchedule
from tasam_agents.learner.rho_schedule import Radius, base_radius


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("linear", [0.5, 0.3775, 0.255, 0.01]),
        ("cosine", [0.5, 0.01 + 0.245 * (1 + 2**-0.5), 0.255, 0.01]),
        ("exponential", [0.5, 0.5 * 0.02**0.25, 0.5 * 0.02**0.5, 0.01]),
        ("constant", [0.5, 0.5, 0.5, 0.5]),
    ],
)
def test_schedules_at_known_times(shape: str, expected: list[float]) -> None:
    schedule = RhoSchedule(0.5, 0.01, shape)  # type: ignore[arg-type]
    assert [base_radius(schedule, x) for x in (0.0, 0.25, 0.5, 1.0)] == pytest.approx(expected)
    assert base_radius(schedule, 1.5) == base_radius(schedule, 1.0)


def test_static_radius_is_the_same_for_all() -> None:
    radius = Radius(RhoSchedule(0.5, 0.1, "linear", adaptive=False), 2)
    np.testing.assert_allclose(radius(0.5, [1.0, 9.0]), [0.3, 0.3])


def test_adaptive_radius_scales_with_the_variance_against_its_peak() -> None:
    radius = Radius(RhoSchedule(0.5, 0.1, "constant"), 2)
    np.testing.assert_allclose(radius(0.0, [4.0, 1.0]), [0.5, 0.5])
    np.testing.assert_allclose(radius(0.0, [1.0, 2.0]), [0.1 + 0.4 * 0.25, 0.5])
    np.testing.assert_allclose(radius(0.0, [0.0, 1.0]), [0.1, 0.1 + 0.4 * 0.5])
    np.testing.assert_allclose(radius.peak, [4.0, 2.0])


def test_adaptive_radius_without_any_variance_is_the_base() -> None:
    np.testing.assert_allclose(Radius(RhoSchedule(0.5, 0.1), 1)(0.0, [0.0]), [0.5])


def test_what_untrained_critics_err_by_does_not_count_as_peak_before_the_warm_up_ends() -> None:
    radius = Radius(RhoSchedule(0.5, 0.1, "constant"), 1, peak_after=2)
    assert radius(0.0, [100.0], 0)[0] == radius(0.0, [50.0], 1)[0] == 0.5, "nothing is known, the ratio counts as 1"
    assert radius.peak.tolist() == [0.0]
    radius(0.0, [4.0], 2)
    np.testing.assert_allclose(radius(0.0, [1.0], 3), [0.1 + 0.4 * 0.25])
