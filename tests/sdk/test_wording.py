"""What people read."""

from __future__ import annotations

from datetime import datetime

import pytest
from tidewire import Media, MemberChange, Message, PresenceChanged, ProfileChange, Quote, Reaction
from tidewire.cli import doctor, files, wording
from tidewire.cli.screen.entries import RUN_MS, Entry, entries
from tidewire.v1 import media_pb2

ME, BEN, CAT = "account-of-me", "account-of-ben", "account-of-cat"
NAMES = {ME: "Ann", BEN: "Ben", CAT: "Cat"}
NOW = int(datetime(2026, 11, 24, 14, 2).timestamp() * 1000)
DAY = 86_400_000


def message(seq: int, sender: str = BEN, text: str = "hi", at_ms: int = NOW, kind: str = "text", **more: object) -> Message:
    return Message("g:x", seq, f"id-{seq}", sender, kind, text, at_ms, sender == ME, **more)  # type: ignore[arg-type]


def change(account: str, action: str, role: str = "", sender: str = BEN, **more: object) -> Message:
    return message(1, sender, "", kind="membership", changes=(MemberChange(account, action, role),), **more)


def drawn(*messages: Message, group: bool = True, unread_after: int | None = None) -> list[Entry]:
    return entries(messages, NAMES, ME, group=group, now_ms=NOW, unread_after=unread_after)


def test_what_would_steer_the_terminal_of_the_reader_does_not_reach_it() -> None:
    evil = "\x1b[2Jgone\x07\x9b31m \u202etxt.exe\r\nline"
    assert wording.clean(evil) == "�[2Jgone��31m �txt.exe�\nline"
    assert wording.one_line("two\nlines\x1b") == "two lines�"
    assert "\x1b" not in wording.line(
        message(1, text=evil, quote=Quote(1, CAT, evil), reactions=(Reaction(CAT, "\x1b[2J"),)), {BEN: "\x1b"}
    )


def test_emoji_and_joiners_stay_as_they_are() -> None:
    assert wording.clean("👩‍👩‍👧 ❤️ naïve שלום") == "👩‍👩‍👧 ❤️ naïve שלום"


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (change(CAT, "added", "member"), "Ben added Cat"),
        (change(ME, "added", "member"), "Ben added you"),
        (change(ME, "removed"), "Ben removed you"),
        (change(CAT, "removed", sender=ME), "You removed Cat"),
        (change(BEN, "left"), "Ben left"),
        (change(ME, "left", sender=ME), "You left"),
        (change(CAT, "role_changed", "admin"), "Cat is an admin now"),
        (change(ME, "role_changed", "owner"), "You are the owner now"),
        (change(BEN, "created", "owner", profile=ProfileChange("Lunch", "")), "Ben created the group “Lunch”"),
        (change("somebody-new-here", "added", "member"), "Ben added somebody"),
        (change(CAT, "changed"), "Cat: Update Tidewire to see this"),
        (message(1, kind="group_profile", profile=ProfileChange("Dinner", None)), "Ben changed the title to “Dinner”"),
        (message(1, ME, kind="group_profile", profile=ProfileChange(None, "at six")), "You changed the description"),
    ],
)
def test_changes_of_a_group_are_sentences(told: Message, says: str) -> None:
    assert wording.about(told, NAMES, ME) == says


@pytest.mark.parametrize(
    ("presence", "says"),
    [
        (None, ""),
        (PresenceChanged(BEN, True, 0), "online"),
        (PresenceChanged(BEN, False, 0), ""),
        (PresenceChanged(BEN, False, NOW - 3_600_000), "last seen today at 13:02"),
        (PresenceChanged(BEN, False, NOW - DAY), "last seen yesterday at 14:02"),
        (PresenceChanged(BEN, False, NOW - 8 * DAY), "last seen Monday, 16 November at 14:02"),
        (PresenceChanged(BEN, False, NOW - 365 * DAY), "last seen Monday, 24 November 2025 at 14:02"),
    ],
)
def test_presence_is_said_as_far_as_it_may_be_known(presence: PresenceChanged | None, says: str) -> None:
    assert wording.seen(presence, NOW) == says


def test_a_line_of_the_plain_mode() -> None:
    assert wording.line(message(7, ME, tick="read"), NAMES) == "   7 me: hi ✓✓ read"
    assert wording.line(message(7, ME, tick="read"), NAMES, colour=True) == "   7 me: hi \x1b[34m✓✓\x1b[0m"
    assert wording.line(message(7, edited=True, reactions=(Reaction(CAT, "👍"),)), NAMES) == "   7 Ben: hi (edited) 👍"
    assert wording.line(message(7, deleted=True, text="", edited=True), NAMES) == "   7 Ben: This message was deleted"


def test_days_unread_and_names_stand_where_they_change() -> None:
    shown = drawn(
        message(1, at_ms=NOW - DAY),
        message(2),
        message(3, ME),
        message(4, CAT),
        message(5, CAT),
        message(6, CAT, at_ms=NOW + RUN_MS),
        unread_after=3,
    )
    assert [(entry.kind, entry.text, entry.who) for entry in shown] == [
        ("day", "Yesterday", ""),
        ("message", "hi", "Ben"),
        ("day", "Today", ""),
        ("message", "hi", "Ben"),
        ("message", "hi", ""),
        ("unread", "Unread messages", ""),
        ("message", "hi", "Cat"),
        ("message", "hi", ""),
        ("message", "hi", "Cat"),
    ]
    assert [entry.who for entry in drawn(message(1), group=False)] == ["", ""], "of two people the name is not needed"


def test_reactions_are_counted_and_nothing_is_shown_of_what_was_deleted() -> None:
    thoughts = (Reaction(BEN, "👍"), Reaction(CAT, "❤️"), Reaction(ME, "👍"))
    (_, liked, gone) = drawn(
        message(1, reactions=thoughts, quote=Quote(1, ME, "tea?")),
        message(2, text="", deleted=True, reactions=thoughts, quote=Quote(1, ME, "tea?")),
    )
    assert (liked.reactions, liked.quoted) == ("👍 2 ❤️", "You")
    assert (gone.text, gone.reactions, gone.quoted, gone.faint) == ("This message was deleted", "", "", True)


def test_a_reason_is_a_sentence_even_when_it_is_new() -> None:
    assert wording.reason("NOT_A_MEMBER") == "you are not a member of this group any more"
    assert wording.reason("QUITE_NEW", "some\ndetail") == "some detail"
    assert wording.reason("QUITE_NEW") == "quite new"


@pytest.mark.parametrize(
    ("ahead_ms", "ok", "says"),
    [
        (4_000, True, "within 5 s of the server's"),
        (86_400_000, False, "86,400 s ahead of the server's: set this machine's clock"),
        (-86_400_000, False, "86,400 s behind the server's: set this machine's clock"),
    ],
)
def test_doctor_compares_the_clock_with_the_servers(ahead_ms: int, ok: bool, says: str) -> None:
    found = doctor.clock(NOW, NOW + ahead_ms)
    assert (found.ok, found.says.startswith(says)) == (ok, True), found.says


@pytest.mark.parametrize(
    ("why", "limit", "actual", "said"),
    [
        ("TOO_LARGE", 16 << 20, (16 << 20) + 1, "a.b is 16.1 MiB, at most 16 MiB: send it as a document"),
        ("TOO_LARGE", 100 << 20, 101 << 20, "a.b is 101 MiB, at most 100 MiB"),
        ("TOO_LONG", 180_000, 3_725_001, "a.b lasts 1:02:06, at most 3:00: send a part of it, or send it as a document"),
        ("TOO_MANY_PIXELS", 40_000_000, 196_000_000, "a.b has 196,000,000 pixels, at most 40,000,000: send it as a document"),
        ("FRAME_RATE", 120, 240, "a.b has 240 frames a second, at most 120: send it as a document"),
        ("CORRUPT", None, None, "a.b is damaged, or cut short"),
        ("NOT_A_MEMBER", None, None, "a.b was not sent: you are not a member of this group any more"),
    ],
)
def test_why_a_file_is_not_taken_is_a_sentence(why: str, limit: int | None, actual: int | None, said: str) -> None:
    assert wording.refused_file("a.b", why, limit, actual) == said


def test_every_reason_of_the_media_worker_has_a_sentence_of_its_own() -> None:
    for name in media_pb2.MediaRejectionReason.DESCRIPTOR.values_by_name:
        reason = name.removeprefix("MEDIA_REJECTION_REASON_")
        assert reason == "UNSPECIFIED" or "was not sent" not in wording.refused_file("a.b", reason, 1, 2), reason


def test_a_file_says_how_long_or_how_large_it_is_and_a_voice_note_how_loud() -> None:
    voice = Media("b", "voice", "audio/ogg", 9_000, b"", duration_ms=7_001, waveform=bytes(range(0, 256, 4)))
    photo = Media("b", "image", "image/jpeg", 1_500_000, b"", name="sea.jpg")
    for media, said in ((voice, "🎤 voice ▁▁▂▂▃▃▄▄▅▅▆▆▇▇██ (0:08)"), (photo, "📷 sea.jpg (1.5 MiB)")):
        assert wording.what_with_details(message(1, text=media.line(), media=media)) == said


@pytest.mark.parametrize(
    ("name", "kind", "content_type", "kept"),
    [
        ("sea.jpg", "image", "image/jpeg", "sea.jpg"),
        ("clip.mkv", "video", "video/mp4", "clip.mp4"),
        ("../../.bashrc", "document", "text/plain", "_.._.bashrc"),
        ("..", "image", "image/png", "image.png"),
        ("a\x00b\n.txt", "document", "text/plain", "a_b .txt"),
    ],
)
def test_a_file_is_saved_under_a_harmless_name_with_a_true_ending(name: str, kind: str, content_type: str, kept: str) -> None:
    assert files.file_name(Media("b", kind, content_type, 1, b"", name=name)) == kept
