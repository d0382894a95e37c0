"""How a process ends that could not start: a sentence for its operator, wherever in it the error was found."""

from __future__ import annotations

import pytest

from server.kit.process import exit_code
from server.kit.setting_sources import SettingsError

WRONG, TAKEN = SettingsError("set this"), OSError("address is taken")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (WRONG, 2, "set this\n"),
        (TAKEN, 1, "address is taken\n"),
        (ExceptionGroup("tasks", [ExceptionGroup("inner", [WRONG])]), 2, "set this\n"),
        (ExceptionGroup("tasks", [TAKEN]), 1, "address is taken\n"),
    ],
    ids=["setting", "system", "setting in a task", "system in a task"],
)
def test_what_an_operator_can_mend_is_one_sentence(
    error: Exception, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        raise error

    assert exit_code(work) == code
    assert capsys.readouterr().err == said


def test_a_bug_is_not_hidden() -> None:
    def work() -> None:
        raise ExceptionGroup("tasks", [WRONG, ValueError("a bug")])

    with pytest.raises(ExceptionGroup):
        exit_code(work)


def test_work_that_is_done_ends_with_its_own_code() -> None:
    assert exit_code(lambda: 3) == 3
    assert exit_code(lambda: None) == 0
