"""What the SDK tells of conversations, people and the store."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from tidewire import Client, MemberChange, Quote, Reaction, Refused, StoreBroken, StoreInUse, TidewireError
from tidewire.store import MIGRATIONS, Store

from tests.sdk.conftest import World


async def until(client: Client, conversation_id: str, seq: int) -> None:
    """Wait until a device has everything up to `seq`."""
    async with asyncio.timeout(30):
        while seq not in [message.seq for message in await client.log(conversation_id)]:
            await asyncio.sleep(0.01)


async def test_members_titles_and_roles_follow_the_log(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    cat = await world.person("cat")
    group = await ann.create_group("Lunch", ["ben"], "at noon")
    await until(ben, group, 1)
    await ann.add_members(group, ["cat"])
    await ann.set_role(group, "cat", "admin")
    await ann.set_title(group, "Dinner")
    await ann.set_description(group, "at six")
    await ann.remove_members(group, ["ben"])
    await until(cat, group, 6)
    await until(ben, group, 6)
    (seen,) = await cat.conversations()
    assert (seen.kind, seen.title, seen.description) == ("group", "Dinner", "at six")
    assert [(member.account_id, member.role) for member in seen.members] == [(ann.account_id, "owner"), (cat.account_id, "admin")]
    (by_ben,) = await ben.conversations()
    assert ben.account_id not in [member.account_id for member in by_ben.members]
    changes = [message.changes for message in await cat.history(group, changes=True)]
    assert (MemberChange(cat.account_id, "role_changed", "admin"),) in changes
    with pytest.raises(TidewireError, match="no role"):
        await ann.set_role(group, "cat", "king")


async def test_the_newest_conversation_is_first_and_unread_counts_what_others_wrote(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    await world.person("cat")
    with_ben, with_cat = await ann.direct("ben"), await ann.direct("cat")
    await (await ann.send(with_ben, "one"))
    await (await ann.send(with_cat, "two"))
    await until(ben, with_ben, 1)
    await (await ben.send(with_ben, "three"))
    await until(ann, with_ben, 2)
    first, second = await ann.conversations()
    assert (first.conversation_id, first.unread, first.other(ann.account_id)) == (with_ben, 1, ben.account_id)
    assert first.last is not None and first.last.text == "three"
    assert (second.conversation_id, second.unread) == (with_cat, 0)
    await ann.mark_read(with_ben, 2)
    assert (await ann.conversations())[0].unread == 0


async def test_quotes_and_the_last_reaction_of_each_come_with_the_history(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    conversation = await ann.direct("ben")
    await (await ann.send(conversation, "tea?"))
    await until(ben, conversation, 1)
    await (await ben.send(conversation, "yes", answers=(await ben.history(conversation))[0]))
    for emoji in ("👍", "🙏"):
        await (await ben.react(conversation, 1, emoji))
    await until(ann, conversation, 4)
    await (await ann.react(conversation, 1, "👍"))
    await (await ann.react(conversation, 1, ""))
    tea, yes = await ann.history(conversation)
    assert tea.reactions == (Reaction(ben.account_id, "🙏"),)
    assert yes.quote == Quote(1, ann.account_id, "tea?")


async def test_an_edited_text_is_found_by_its_new_words_only(world: World) -> None:
    ann = await world.person("ann")
    notes = f"s:{ann.account_id}"
    await (await ann.send(notes, "buy tea"))
    await (await ann.edit(notes, 1, "buy coffee"))
    assert [message.text for message in await ann.search("coffee")] == ["buy coffee"]
    assert await ann.search("tea") == []


async def test_a_text_with_wrong_fields_fails_at_once_and_those_behind_it_go_on(world: World) -> None:
    ann = await world.person("ann")
    notes = f"s:{ann.account_id}"
    too_long, next_one = await ann.send(notes, "x" * 9_000), await ann.send(notes, "short")
    async with asyncio.timeout(30):
        with pytest.raises(Refused) as refused:
            await too_long
        assert (await next_one).seq == 1
    assert refused.value.reason == "LIMIT_EXCEEDED"
    (failed,) = await ann.unsent(notes)
    assert (failed.tick, failed.reason) == ("failed", "LIMIT_EXCEEDED")
    await ann.discard(failed.envelope_id)
    assert await ann.unsent(notes) == [] and await ann.failed() == []


async def test_people_are_known_without_the_server(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    assert await ann.people(ben.account_id, ask=False) == {}
    assert (await ann.people(ben.account_id))[ben.account_id].username == "ben"
    assert (await ann.people(ben.account_id, ask=False))[ben.account_id].name == "ben"


async def test_privacy_changes_only_what_is_named(world: World) -> None:
    ann = await world.person("ann")
    before = await ann.privacy()
    after = await ann.set_privacy(last_seen="nobody", read_receipts=False)
    assert (after.last_seen, after.read_receipts) == ("nobody", False)
    assert (after.add_to_groups, after.findable) == (before.add_to_groups, before.findable)
    assert await ann.privacy() == after
    with pytest.raises(TidewireError, match="no audience"):
        await ann.set_privacy(last_seen="friends")


async def test_the_blocked_are_listed(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    await ann.block(ben.account_id)
    assert [profile.username for profile in (await ann.blocked()).values()] == ["ben"]
    await ann.block(ben.account_id, False)
    assert await ann.blocked() == {}


async def test_a_store_of_the_first_version_keeps_its_members(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    old.executescript(f"BEGIN;{MIGRATIONS[0]}PRAGMA user_version=1;COMMIT;")
    old.execute("INSERT INTO conversations (id, title, members) VALUES ('g:x', 'Lunch', 'ann,ben')")
    old.close()
    async with Client.open("127.0.0.1:9", tmp_path / "old.db") as client:
        (kept,) = await client.conversations()
        assert (kept.title, [member.account_id for member in kept.members]) == ("Lunch", ["ann", "ben"])


async def test_a_store_that_is_damaged_or_in_use_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreBroken, match=r"bad\.db"):
        Store(tmp_path / "bad.db")
    first = Store(tmp_path / "good.db")
    with pytest.raises(StoreInUse):
        Store(tmp_path / "good.db")
    assert await first.check() == []
    first.close()
    Store(tmp_path / "good.db").close()
