"""Before training the agents of `default` have no sharing of RBs but what the codec lays down."""

from measure.given import untrained


def test_fresh_actors_are_worth_no_more_than_random_bits() -> None:
    returns = {name: found.mean() for name, found in untrained(num_networks=3, num_seeds=2).items()}
    assert returns["fresh actors"] < returns["random bits"] + 0.05
    assert returns["fresh actors"] < returns["zone_rule"] - 0.3
