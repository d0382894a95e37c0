"""The full-screen chat on a node in this process, by the keys of a person."""

from __future__ import annotations

import asyncio

from tidewire import Client
from tidewire.v1 import chat_pb2, envelope_pb2

from tests.sdk.conftest import World
from tests.support.screen import Screen, chatting


async def say(who: Client, conversation_id: str, text: str) -> int:
    """Somebody sends a text."""
    return int((await (await who.send(conversation_id, text))).seq)


async def got(who: Client, conversation_id: str, text: str) -> None:
    """Wait until somebody's device has it."""
    async with asyncio.timeout(30):
        while not any(message.text == text for message in await who.history(conversation_id)):
            await asyncio.sleep(0.01)


async def test_the_list_says_who_wrote_and_how_many_are_unread_and_opening_reads_them(world: World) -> None:
    ann, ben, cat = await world.person("ann"), await world.person("ben"), await world.person("cat")
    with_ben, with_cat = await ann.direct("ben"), await ann.direct("cat")
    await say(cat, with_cat, "first")
    await got(ann, with_cat, "first")
    async with chatting(ann, with_cat) as screen:
        await screen.sees("first")
        for text in ("one", "two", "three"):
            await say(ben, with_ben, text)
        await screen.until(lambda: screen.chats()[0].startswith("ben") and screen.chats()[0].endswith("three 3"))
        await screen.until(lambda: screen.chats()[1].endswith("first"))
        await screen.keys("ctrl+up")
        await screen.until(lambda: screen.lines()[1:2] == ["Unread messages"] and len(screen.lines()) == 5)
        await screen.until(lambda: screen.chats()[0].endswith("three"))
        assert screen.head().startswith("ben")
    async with asyncio.timeout(30):
        while [message.tick for message in await ben.history(with_ben)] != ["read"] * 3:
            await asyncio.sleep(0.01)


async def test_what_is_not_looked_at_is_not_read(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    conversation = await ann.direct("ben")
    await say(ben, conversation, "hello")
    async with chatting(ann, conversation) as screen:
        await screen.until(lambda: screen.chats() and screen.chats()[0].endswith("hello"))
        screen.app.app_focus = False
        await say(ben, conversation, "are you there?")
        await screen.until(lambda: screen.chats()[0].endswith("are you there? 1"))
        await say(ben, conversation, "hello?")
        await screen.until(lambda: screen.chats()[0].endswith("hello? 2"))
        screen.app.app_focus = True
        await say(ben, conversation, "there you are")
        await screen.until(lambda: screen.chats()[0].endswith("are"))


async def test_ticks_go_from_sent_to_delivered_to_read(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    conversation = await ann.direct("ben")
    async with chatting(ann, conversation) as screen:
        await screen.says("hello ben")
        await screen.until(lambda: screen.lines() and screen.lines()[-1].endswith(" ✓✓"))
        assert screen.written() == ""
        (line,) = [line for line in screen.app.screen_stack[0].query("Line") if "hello" in str(line.children[0].content)]
        assert "bold #53bdeb" not in str(line.children[0].content.markup), "grey until it is read"
        await ben.mark_read(conversation, 1)
        await screen.until(lambda: "bold #53bdeb" in str(line.children[0].content.markup))


async def test_who_types_is_named_until_the_message_comes(world: World) -> None:
    ann, ben, cat = await world.person("ann"), await world.person("ben"), await world.person("cat")
    group = await ann.create_group("Lunch", ["ben", "cat"])
    async with chatting(ann, group) as screen:
        await screen.until(lambda: screen.head() == "Lunch\nben, cat, you")
        await got_group(ben, group)
        ben.typing(group)
        await screen.until(lambda: screen.head() == "Lunch\nben is typing…")
        await screen.until(lambda: "ben is typing…" in screen.chats()[0])
        await say(ben, group, "noon?")
        await screen.sees("noon?")
        await screen.until(lambda: screen.head() == "Lunch\nben, cat, you")
        seen = cat.listen()
        await screen.types("yes")
        async with asyncio.timeout(30):
            while getattr(await seen.get(), "kind", "") != "text":
                pass


async def got_group(who: Client, group: str) -> None:
    """Wait until somebody's device knows the group."""
    async with asyncio.timeout(30):
        while not await who.members(group):
            await asyncio.sleep(0.01)


async def test_what_is_refused_stays_with_its_reason_and_can_be_thrown_away(world: World) -> None:
    ann = await world.person("ann")
    await world.person("ben")
    conversation = await ann.direct("ben")
    async with chatting(ann, conversation) as screen:
        screen.app.query_one("#composer").text = "x" * 9_000
        await screen.keys("enter")
        await screen.sees("not sent: ")
        assert any("Not sent: " in told for told in screen.told())
        await screen.keys("tab", "t")
        await screen.until(lambda: len(screen.told()) >= 2 and any("not sent: " in line for line in screen.lines()))
        await screen.keys("tab", "escape", "up", "d")
        await screen.until(lambda: len(screen.app.screen_stack) == 2)
        await screen.keys("y")
        await screen.until(lambda: screen.lines() == [])
        assert await ann.unsent(conversation) == []


async def test_answer_edit_react_and_delete_by_keys(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    conversation = await ann.direct("ben")
    await say(ben, conversation, "tea or coffee?")
    async with chatting(ann, conversation) as screen:
        await screen.sees("tea or coffee?")
        await screen.keys("up", "r")
        await screen.says("tee")
        await screen.sees("▎ ben: tea or coffee?\ntee")
        await got(ben, conversation, "tee")
        await screen.until(lambda: "✓" in screen.lines()[-1])
        await screen.keys("up", "e")
        assert screen.written() == "tee"
        await screen.keys("backspace", "a", "enter")
        await screen.sees("tea  edited ")
        await screen.keys("up", "up", "a")
        await screen.until(lambda: len(screen.app.screen_stack) == 2)
        await screen.keys("1")
        await screen.until(lambda: screen.lines()[1].endswith("\n👍"))
        await screen.keys("down", "d")
        await screen.until(lambda: len(screen.app.screen_stack) == 2)
        await screen.keys("y")
        await screen.sees("This message was deleted")
    assert [message.deleted for message in await ben.history(conversation)][-1:] == [True]


async def test_only_own_texts_are_edited_and_the_reason_is_said(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    conversation = await ann.direct("ben")
    await say(ben, conversation, "mine")
    async with chatting(ann, conversation) as screen:
        await screen.sees("mine")
        await screen.keys("up", "e")
        await screen.until(lambda: screen.told() == ["Only your own texts can be edited."])


async def test_who_has_read_it_is_told_by_name(world: World) -> None:
    ann, ben, cat = await world.person("ann"), await world.person("ben"), await world.person("cat")
    group = await ann.create_group("Lunch", ["ben", "cat"])
    seq = await say(ann, group, "noon?")
    for who in (ben, cat):
        await got(who, group, "noon?")
    await ben.mark_read(group, seq)
    async with asyncio.timeout(30):
        while (await ann.receipts(group, seq)).get(ben.account_id) != (True, True):
            await asyncio.sleep(0.02)
    async with chatting(ann, group) as screen:
        await screen.until(lambda: screen.lines() and screen.lines()[-1].endswith("✓✓"))
        await screen.keys("up", "i")
        await screen.until(lambda: len(screen.app.screen_stack) == 2 and "✓✓ delivered" in labels(screen))
        assert "ben" in labels(screen) and "✓✓ read" in labels(screen)


def labels(screen: Screen) -> str:
    """What the dialog says."""
    return " ".join(str(label.content) for label in screen.app.screen.query("Label"))


async def test_a_kind_of_a_newer_version_is_shown_as_such(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    conversation = await ann.direct("ben")
    await say(ben, conversation, "hello")
    await got(ann, conversation, "hello")
    header = envelope_pb2.Header(
        envelope_id="00000000-0000-7000-8000-000000000001",
        sender_account_id=ben.account_id,
        at_ms=1,
        kind=99,  # type: ignore[arg-type]
    )
    newer = envelope_pb2.Body.FromString(b"\xf2\x3f\x03abc")  # field 1022, which no version of today has
    envelope = envelope_pb2.Envelope(conversation_id=conversation, seq=2, header=header, body=newer)
    assert ann._stream is not None
    await ann._stream._take([chat_pb2.Event(envelope=envelope)])
    async with chatting(ann, conversation) as screen:
        await screen.sees("Update Tidewire to see this")


async def test_members_and_titles_are_told_as_lines_and_who_is_removed_cannot_write(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    await world.person("cat")
    group = await ben.create_group("Lunch", ["ann"])
    await got_group(ann, group)
    async with chatting(ann, group) as screen:
        await ben.add_members(group, ["cat"])
        await ben.set_title(group, "Dinner")
        await ben.set_role(group, "ann", "admin")
        for line in (
            "ben created the group “Lunch”",
            "ben added cat",
            "ben changed the title to “Dinner”",
            "You are an admin now",
        ):
            await screen.sees(line)
        await screen.until(lambda: screen.head() == "Dinner\nben, cat, you" and screen.can_write())
        await ben.remove_members(group, ["ann"])
        await screen.sees("ben removed you")
        await screen.until(lambda: not screen.can_write() and screen.head().endswith("you are not a member any more"))


async def test_a_new_chat_by_name_a_group_by_names_and_a_wrong_name(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    await world.person("cat")
    async with chatting(ann) as screen:
        assert not screen.can_write()
        await start(screen, "nobody")
        await screen.until(lambda: screen.told() == ["nobody is called nobody"])
        await start(screen, "ben")
        await screen.until(lambda: screen.head().startswith("ben") and screen.can_write())
        await screen.says("hi")
        await got(ben, await ben.direct("ann"), "hi")
        await start(screen, "ben, cat")
        await screen.types("Lunch")
        await screen.keys("enter")
        await screen.until(lambda: screen.head() == "Lunch\nben, cat, you")
        await screen.sees("You created the group “Lunch”")


async def start(screen: Screen, who: str) -> None:
    """Ctrl-N, and a name."""
    await screen.keys("ctrl+n")
    await screen.until(lambda: len(screen.app.screen_stack) == 2)
    await screen.says(who)


async def test_many_unread_are_read_from_where_reading_stopped_and_older_ones_come_by_scrolling(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    conversation = await ann.direct("ben")
    for number in range(1, 151):
        await ben.send(conversation, f"number {number}")
    await got(ann, conversation, "number 150")
    await ann.mark_read(conversation, 100)
    async with chatting(ann, conversation) as screen:
        await screen.until(lambda: "Unread messages" in screen.on_screen())
        await screen.until(lambda: any(line.startswith("number 101 ") for line in screen.on_screen()))
        assert not any(line.startswith("number 150 ") for line in screen.on_screen())
        while not any(line.startswith("number 150 ") for line in screen.on_screen()):
            await screen.keys("pagedown")
        await screen.until(lambda: not screen.chats()[0].endswith("50 50"))
        while not any(line.startswith("number 1 ") for line in screen.on_screen()):
            await screen.keys("pageup")
        assert [line.split("  ")[0] for line in screen.lines() if line.startswith("number ")] == [
            f"number {number}" for number in range(1, 151)
        ]


async def test_search_goes_to_the_message(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    conversation, notes = await ann.direct("ben"), f"s:{ann.account_id}"
    for number in range(1, 101):
        await ben.send(conversation, f"number {number}" + (" umbrella" if number == 20 else ""))
    await got(ann, conversation, "number 100")
    await ann.mark_read(conversation, 100)
    await say(ann, notes, "something else")
    async with chatting(ann, notes) as screen:
        await screen.keys("ctrl+f")
        await screen.until(lambda: len(screen.app.screen_stack) == 2)
        await screen.types("umbrella")
        await screen.until(lambda: screen.app.screen.query_one("#found").option_count == 1)
        await screen.keys("enter")
        await screen.until(lambda: screen.head().startswith("ben"))
        await screen.until(lambda: any("number 20 umbrella" in line for line in screen.on_screen()))
        await screen.keys("r")
        assert "umbrella" in str(screen.app.query_one("#answering").content)


async def test_a_removed_device_says_so_and_keeps_what_it_has(world: World) -> None:
    ann = await world.person("ann")
    notes = f"s:{ann.account_id}"
    await say(ann, notes, "remember me")
    async with chatting(ann, notes) as screen:
        await ann.remove_device(ann.device_id)
        await screen.until(lambda: "removed" in screen.link())
        await screen.sees("remember me")
        assert not screen.can_write()


async def test_a_narrow_terminal_shows_the_list_or_the_messages(world: World) -> None:
    ann, ben = await world.person("ann"), await world.person("ben")
    conversation = await ann.direct("ben")
    await say(ben, conversation, "hello")
    async with chatting(ann, conversation, size=(50, 20)) as screen:
        await screen.sees("hello")
        app = screen.app
        await screen.until(lambda: app.view.region.width == 50 and not app.sidebar.region.width)
        await screen.keys("tab", "tab")
        await screen.until(lambda: app.sidebar.region.width == 50 and not app.view.region.width)
        await screen.keys("enter")
        await screen.until(lambda: app.view.region.width == 50 and app.composer.has_focus)
