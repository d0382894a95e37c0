"""The judge can fail: each lie that it exists for, told to it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.support.ledger import ADDED, CREATED, LEFT, REMOVED, Entry, Judge, Line

G, D = "g:crew", "d:ann:ben"
Journals = dict[str, list[Line]]
Truth = dict[str, list[Entry]]


class Story:
    """ann writes <a> and <b> to ben and <c> to the group, on her phone; everybody has everything, and ben has read <a>."""

    def __init__(self) -> None:
        self.truth: Truth = {
            D: [Entry(1, "e1", "ann", "<a>"), Entry(2, "e2", "ann", "<b>")],
            G: [
                Entry(1, "e3", "ann", "", (("ann", CREATED), ("ben", CREATED), ("cat", CREATED))),
                Entry(2, "e4", "ann", "<c>"),
                Entry(3, "e5", "ann", "", (("cat", REMOVED),)),
                Entry(4, "e6", "ann", "<d>"),
                Entry(5, "e7", "ann", "", (("cat", ADDED),)),
            ],
        }
        self.journals: Journals = {name: [] for name in ("ann-phone", "ann-laptop", "ben-phone", "cat-phone")}
        self.at = 0
        for name in self.journals:
            self.write(name, "start")
            self.write(name, "account", account=name.partition("-")[0])
        for c, seq, text in ((D, 1, "<a>"), (D, 2, "<b>"), (G, 2, "<c>"), (G, 4, "<d>")):
            envelope_id = self.entry(c, seq).envelope_id
            self.write("ann-phone", "queued", c=c, id=envelope_id, text=text)
            self.write("ann-phone", "sent", c=c, id=envelope_id, seq=seq)
        for name in self.journals:
            for c, entries in self.truth.items():
                for entry in entries:
                    if self.sees(name, c, entry.seq):
                        self.show(name, c, entry)
        self.write("ben-phone", "reading", c=D, seq=1)
        self.tick("read", 1)
        self.tick("delivered", 2)
        self.end()

    def entry(self, c: str, seq: int) -> Entry:
        return self.truth[c][seq - 1]

    def sees(self, name: str, c: str, seq: int) -> bool:
        return not (name == "cat-phone" and (c == D or seq == 4))

    def write(self, name: str, what: str, **values: object) -> None:
        self.at += 1
        self.journals[name].append({"at": self.at, "is": what, **values})

    def show(self, name: str, c: str, entry: Entry) -> None:
        self.write(name, "shown", c=c, seq=entry.seq, id=entry.envelope_id, sender=entry.sender_id, text=entry.text)

    def tick(self, tick: str, seq: int) -> None:
        self.write("ann-phone", "tick", c=D, seq=seq, id=f"e{seq}", tick=tick)

    def end(self, waiting: list[list[str]] | None = None) -> None:
        """Everybody writes down what the store holds."""
        for name in self.journals:
            for c, entries in self.truth.items():
                rows = [
                    [e.seq, e.envelope_id, e.sender_id, e.text, ("delivered" if (c, e.seq) != (D, 1) else "read") if "ann" in name else ""]
                    for e in entries
                    if self.sees(name, c, e.seq)
                ]  # fmt: skip
                self.write(name, "held", why="asked", c=c, lines=rows)
            self.write(name, "outbox", why="asked", items=waiting or [])

    def rows(self, name: str, c: str) -> list[list[object]]:
        """What a device wrote down at the end."""
        return next(line["lines"] for line in reversed(self.journals[name]) if line["is"] == "held" and line["c"] == c)

    def drop(self, name: str, what: str, **values: object) -> None:
        """Take lines out of a journal."""
        wanted = {"is": what, **values}
        self.journals[name] = [line for line in self.journals[name] if not wanted.items() <= line.items()]

    def faults(self) -> list[str]:
        return Judge(deepcopy(self.journals), self.truth).faults()


def test_the_truth_passes() -> None:
    assert Story().faults() == []


def lost(story: Story) -> None:
    story.write("ann-phone", "sent", c=D, id="e9", seq=3)


def moved(story: Story) -> None:
    story.write("ann-phone", "sent", c=D, id="e2", seq=1)


def doubled(story: Story) -> None:
    story.truth[D].append(Entry(3, "e2", "ann", "<b>"))
    story.end()


def written_anew(story: Story) -> None:
    story.truth[D].append(Entry(3, "e9", "ann", "<b>"))
    story.end()


def hole_in_the_log(story: Story) -> None:
    del story.truth[G][3]
    story.end()


def never_sent(story: Story) -> None:
    story.write("ann-laptop", "queued", c=D, id="e9", text="<z>")


def shut_out(story: Story) -> None:
    never_sent(story)
    story.write("ann-laptop", "refused", c=D, id="e9", reason="NOT_A_MEMBER")


def stuck(story: Story) -> None:
    story.end(waiting=[[D, "e1", "failed"]])


def lacking(story: Story) -> None:
    del story.rows("ben-phone", D)[1]
    story.drop("ben-phone", "shown", c=D, seq=2)


def forgotten(story: Story) -> None:
    del story.rows("ben-phone", D)[1]


def other(story: Story) -> None:
    story.rows("ben-phone", D)[1][1] = "e1"


def twice(story: Story) -> None:
    story.show("ben-phone", D, story.entry(D, 1))


def backwards(story: Story) -> None:
    lines = story.journals["ben-phone"]
    one, two = (i for i, line in enumerate(lines) if line["is"] == "shown" and line["c"] == D)
    lines[one], lines[two] = lines[two], lines[one]


def out_of_order(story: Story) -> None:
    story.rows("ben-phone", D).reverse()


def invented(story: Story) -> None:
    story.show("ben-phone", D, Entry(3, "e9", "ann", "<z>"))


def overheard(story: Story) -> None:
    story.show("cat-phone", G, story.entry(G, 4))


def tick_back(story: Story) -> None:
    story.tick("delivered", 1)


def pending_again(story: Story) -> None:
    story.end(waiting=[[D, "e1", "pending"]])


def delivered_to_nobody(story: Story) -> None:
    for line in story.journals["ben-phone"]:
        line["at"] += 1_000


def read_by_nobody(story: Story) -> None:
    story.drop("ben-phone", "reading")


def silence(story: Story) -> None:
    for row in story.rows("ann-laptop", D):
        row[4] = "sent"


LIES: list[tuple[Callable[[Story], None], str]] = [
    (lost, "ann-phone was told sent d:ann:ben/3, which is not in the log"),
    (moved, "ann-phone was told sent d:ann:ben/1, but it is at 2"),
    (doubled, "the log d:ann:ben has <b> twice, the second time at 3"),
    (written_anew, "the log d:ann:ben has <b> twice, the second time at 3"),
    (hole_in_the_log, "the log g:crew has a hole"),
    (never_sent, "ann-laptop wrote <z>, which was neither sent nor refused"),
    (shut_out, "ann-laptop was refused <z> as no member, which it is"),
    (stuck, "ann-phone does not know that its <a> is in the log"),
    (lacking, "ben-phone lacks d:ann:ben/2 <b>"),
    (forgotten, "ben-phone showed d:ann:ben/2, and has it no more"),
    (other, "ben-phone shows <b> at d:ann:ben/2, where <b> is"),
    (twice, "ben-phone showed d:ann:ben/1 twice"),
    (backwards, "ben-phone showed d:ann:ben/1 after 2"),
    (out_of_order, "ben-phone holds d:ann:ben out of order, or a seq twice"),
    (invented, "ben-phone shows d:ann:ben/3, which is not in the log"),
    (overheard, "cat-phone shows g:crew/4, when its account was not a member"),
    (tick_back, "ann-phone: the tick of d:ann:ben/1 went from read back to delivered"),
    (pending_again, "ann-phone: the tick of e1 went from sent back to pending"),
    (delivered_to_nobody, "ann-phone was told that d:ann:ben/2 is delivered, when no device of ben had it"),
    (read_by_nobody, "ann-phone was told that d:ann:ben/1 is read, when nobody at ben had read it"),
    (silence, "ann-laptop never heard that d:ann:ben/1 <a> is delivered"),
]


@pytest.mark.parametrize(("lie", "says"), LIES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_lie_is_found(lie: Callable[[Story], None], says: str) -> None:
    story = Story()
    lie(story)
    assert says in story.faults()


def test_a_refused_envelope_is_no_loss() -> None:
    story = Story()
    never_sent(story)
    story.write("ann-laptop", "refused", c=D, id="e9", reason="TOO_LARGE")
    assert story.faults() == []


def test_what_was_stored_before_a_kill_counts_from_the_last_thing_shown() -> None:
    story = Story()
    line = next(line for line in story.journals["ben-phone"] if line["is"] == "shown" and line["c"] == D and line["seq"] == 2)
    line.update({"is": "held", "why": "start", "lines": [row[:5] for row in story.rows("ben-phone", D)]})
    story.journals["ben-phone"].insert(story.journals["ben-phone"].index(line), {"at": line["at"] - 0.5, "is": "start"})
    assert story.faults() == []


def test_who_left_is_asked_for_nothing_and_hears_no_more() -> None:
    story = Story()
    story.truth[G].append(Entry(6, "e8", "cat", "", (("cat", LEFT),)))
    story.truth[G].append(Entry(7, "e9", "ann", "<e>"))
    story.sees = lambda name, c, seq: not (name == "cat-phone" and (c == D or seq in (4, 7)))  # type: ignore[method-assign]
    story.end()
    assert [fault for fault in story.faults() if "lacks" in fault or "not a member" in fault] == []
