"""A port is given to one server of a run, even when that server binds it long after."""

from tests.support.node import free_port


def test_no_port_is_given_twice() -> None:
    given = [free_port() for _ in range(800)]
    assert len(set(given)) == len(given)
