"""In which order the database's nodes are asked, when one of them stands still."""

from __future__ import annotations

from cassandra.policies import RoundRobinPolicy

from server.adapters.cql.hosts import AnsweringFirst


def order() -> AnsweringFirst:
    """Over three hosts, which begin by turns."""
    policy = AnsweringFirst(RoundRobinPolicy())
    policy.populate(None, ["a", "b", "c"])
    return policy


def plans(policy: AnsweringFirst) -> list[list[str]]:
    """The next three."""
    return [list(policy.make_query_plan()) for _ in range(3)]


def test_who_left_a_request_without_an_answer_is_asked_last_until_it_answers() -> None:
    policy = order()
    assert {plan[0] for plan in plans(policy)} == {"a", "b", "c"}
    policy.over(["b", "c"], "c")
    assert all(plan[-1] == "b" and set(plan) == {"a", "b", "c"} for plan in plans(policy))
    policy.over(["b"], "b")
    assert {plan[0] for plan in plans(policy)} == {"a", "b", "c"}


def test_where_nobody_answers_all_are_asked() -> None:
    policy = order()
    policy.over(["a", "b", "c"], None)
    assert {plan[0] for plan in plans(policy)} == {"a", "b", "c"} and all(len(plan) == 3 for plan in plans(policy))
