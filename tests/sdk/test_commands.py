"""Each command of `tidewire` as a real process against a real node; what goes wrong is one sentence and an exit code."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.node import Node, free_port

pytestmark = pytest.mark.process
TIDEWIRE = Path(sys.executable).with_name("tidewire")


@dataclass
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What it printed."""
        return self.out.splitlines()


@dataclass
class Shell:
    """Runs commands with profiles of its own."""

    home: Path
    server: str

    async def start(self, profile: str, *words: str, server: str | None = None) -> asyncio.subprocess.Process:
        """Start a command."""
        options = ["--profile", profile, "--server", server or self.server]
        return await asyncio.create_subprocess_exec(
            TIDEWIRE, *options, *words, env={**os.environ, "TIDEWIRE_HOME": str(self.home)},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def __call__(self, profile: str, *words: str, typed: str = "", server: str | None = None) -> Said:
        """Run a command to its end."""
        process = await self.start(profile, *words, server=server)
        async with asyncio.timeout(60):
            out, err = await process.communicate(typed.encode())
        assert b"Traceback" not in err, err.decode()
        return Said(process.returncode or 0, out.decode(), err.decode().strip())

    async def person(self, name: str) -> None:
        """Register."""
        said = await self(name, "register", name)
        assert said.code == 0, said.err


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    node = Node(tmp_path / "node", group_receipt_delay_ms=100)
    await node.start()
    yield node
    await node.close()


@pytest.fixture
async def shell(node: Node, tmp_path: Path) -> Shell:
    return Shell(tmp_path / "home", node.address)


async def test_two_people_in_a_pipe(shell: Shell) -> None:
    await asyncio.gather(shell.person("ann"), shell.person("ben"))
    said = await shell("ann", "chat", "ben", typed="hello ben\nhow are you?\n")
    assert (said.code, said.lines) == (0, ["   1 me: hello ben ✓", "   2 me: how are you? ✓"])
    assert (await shell("ben", "conversations")).out.endswith("  ann  (2 unread)\n")
    said = await shell("ben", "chat", "ann", typed="/react 1 👍\n/reply 2 fine\n/edit 4 fine, thanks\n/delete 9\n")
    assert said.lines[:2] == ["   1 ann: hello ben", "   2 ann: how are you?"]
    assert "   4 me: “how are you?” — fine ✓" in said.lines
    assert said.code == 1 and any("not sent: the message that it is about is not there" in line for line in said.lines)
    assert (await shell("ann", "history", "ben")).lines == [
        "   1 me: hello ben 👍 ✓✓ read",
        "   2 me: how are you? ✓✓ read",
        "   4 ben: “how are you?” — fine, thanks (edited)",
    ]
    history = [json.loads(line) for line in (await shell("ann", "history", "ben", "--json", "--limit", "1")).lines]
    assert [(message["seq"], message["text"], message["quote"]["seq"]) for message in history] == [(4, "fine, thanks", 2)]
    found = await shell("ann", "search", "thanks")
    assert found.code == 0 and found.out.endswith("4 ben: “how are you?” — fine, thanks (edited)\n")
    assert (await shell("ann", "search", "nothing")).code == 1


async def test_groups(shell: Shell) -> None:
    await asyncio.gather(shell.person("ann"), shell.person("ben"), shell.person("cat"))
    created = await shell("ann", "groups", "create", "Lunch", "ben", "--description", "at noon")
    assert created.code == 0 and created.out.startswith("g:")
    again = await shell("ann", "groups", "add", "Lunch", "ben", "cat")
    assert (again.code, again.err) == (1, "tidewire: ben: the account is in the group already")
    assert (await shell("ben", "groups", "remove", "Lunch", "cat")).code == 1
    for words in (["promote", "Lunch", "cat"], ["demote", "Lunch", "cat"], ["role", "Lunch", "ben", "admin"]):
        said = await shell("ann", "groups", *words)
        assert (said.code, said.err) == (0, "")
    members = [json.loads(line) for line in (await shell("cat", "groups", "members", "Lunch", "--json")).lines]
    assert [(member["username"], member["role"]) for member in members] == [
        ("ann", "owner"), ("ben", "admin"), ("cat", "member"),
    ]  # fmt: skip
    assert (await shell("ben", "groups", "title", "Lunch", "Dinner")).code == 0
    assert (await shell("ben", "groups", "description", "Dinner", "at six")).code == 0
    assert (await shell("ann", "groups", "leave", "Dinner")).code == 0
    assert (await shell("cat", "groups", "members", "Dinner")).lines == ["ben  owner", "cat  member"]
    assert (await shell("ben", "groups", "remove", "Dinner", "cat")).code == 0
    refused = await shell("cat", "send", created.out.strip(), "am I still here?")
    assert (refused.code, refused.err) == (1, "tidewire: not sent: you are not a member of this group any more")
    unknown = await shell("ann", "groups", "leave", "Breakfast")
    assert unknown.code == 1 and "you are in no group called 'Breakfast'" in unknown.err


async def test_send_and_listen(shell: Shell) -> None:
    await asyncio.gather(shell.person("ann"), shell.person("ben"))
    listening = await shell.start("ben", "listen", "--json", "--count", "2")
    assert (await shell("ann", "send", "ben", "one")).out.startswith("sent as 1 in d:")
    assert (await shell("ann", "send", "ben", "-", typed="from\na pipe\n")).code == 0
    async with asyncio.timeout(60):
        out, _ = await listening.communicate()
    messages = [event for event in map(json.loads, out.decode().splitlines()) if event["event"] == "Message"]
    assert [(message["seq"], message["text"]) for message in messages] == [(1, "one"), (2, "from\na pipe")]
    assert listening.returncode == 0
    empty = await shell("ann", "send", "ben", "-", typed="\n")
    assert (empty.code, empty.err) == (1, "tidewire: there is nothing to send")


async def test_a_reader_that_has_gone_is_no_fault(shell: Shell) -> None:
    await shell.person("ann")
    for words in (["privacy"], ["listen", "--json"]):
        gone, end = os.pipe()
        os.close(gone)
        process = await asyncio.create_subprocess_exec(
            TIDEWIRE, "--profile", "ann", *words, env={**os.environ, "TIDEWIRE_HOME": str(shell.home)},
            stdout=end, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        os.close(end)
        async with asyncio.timeout(60):
            _, err = await process.communicate()
        assert (process.returncode, err) == (141, b"")


async def test_a_second_device_by_recovery_code_and_by_approval(shell: Shell) -> None:
    registered = await shell("ann", "register", "ann", "--display-name", "Ann Lee")
    recovery = registered.lines[0].rpartition(" ")[2]
    wrong = await shell("laptop", "login", "ann", "--recovery-code", "wrong")
    assert wrong.code == 1 and "code" in wrong.err
    assert (await shell("laptop", "login", "ann", "--recovery-code", recovery)).code == 0
    waiting = await shell.start("tablet", "login", "ann", "--approve")
    assert waiting.stdout is not None
    async with asyncio.timeout(60):
        assert b"Approve it" in await waiting.stdout.readline()
        while (await shell("ann", "devices", "approve", typed="y\n")).code:  # the request is on its way
            pass
        out, _ = await waiting.communicate()
    assert waiting.returncode == 0 and b"logged in as" in out
    devices = [json.loads(line) for line in (await shell("ann", "devices", "--json")).lines]
    assert [(device["primary"], device["current"]) for device in devices].count((True, True)) == 1 and len(devices) == 3
    other = next(device["device_id"] for device in devices if not device["current"])
    assert (await shell("ann", "devices", "rename", other, "kitchen")).code == 0
    assert "kitchen" in (await shell("ann", "devices")).out
    assert (await shell("ann", "devices", "remove", other)).code == 0
    assert len((await shell("ann", "devices")).lines) == 2
    again = await shell("ann", "register", "ann")
    assert again.code == 1 and "use another store, or another --profile" in again.err


async def test_blocking_and_privacy(shell: Shell) -> None:
    await asyncio.gather(shell.person("ann"), shell.person("ben"))
    assert (await shell("ann", "contacts")).lines == []
    assert (await shell("ann", "contacts", "add", "ben", "Ben from work")).code == 0
    assert (await shell("ann", "contacts")).lines == ["ben  Ben from work"]
    assert (await shell("ann", "contacts", "remove", "ben")).code == 0
    assert (await shell("ann", "contacts", "list", "--json")).lines == []
    wrong = await shell("ann", "contacts", "add")
    assert (wrong.code, wrong.err) == (1, "tidewire: contacts takes: list, add NAME [HOW YOU CALL THEM], remove NAME")
    assert (await shell("ann", "block", "ben")).code == 0
    assert (await shell("ann", "unblock")).lines == ["ben  ben"]
    assert (await shell("ann", "unblock", "ben")).code == 0
    twice = await shell("ann", "unblock", "ben")
    assert (twice.code, twice.err) == (1, "tidewire: ben is not blocked")
    changed = await shell("ann", "privacy", "--last-seen", "nobody", "--read-receipts", "off")
    assert [line.split() for line in changed.lines[:2]] == [["last-seen", "nobody"], ["read-receipts", "off"]]
    assert json.loads((await shell("ann", "privacy", "--json")).out)["read_receipts"] is False


async def test_what_goes_wrong_is_one_sentence(shell: Shell, node: Node) -> None:
    await shell.person("ann")
    nobody = f"127.0.0.1:{free_port()}"
    for words, server, says in [
        (["send", "nobody", "hi"], None, "there is nobody, and no group of yours, called 'nobody'"),
        (["chat", "nobody"], None, "there is nobody, and no group of yours, called 'nobody'"),
        (["chat"], None, "chat takes a NAME here: tidewire chat ben"),
        (["send", "ben", "hi"], nobody, f"the server {nobody} does not answer; is it running, and is --server right?"),
        (["devices"], nobody, f"the server {nobody} does not answer; is it running, and is --server right?"),
        (["devices"], "nowhere", "'nowhere' is no address of a server: it is host:port, such as 127.0.0.1:7400"),
        (["devices", "remove"], None, "devices takes: list, remove ID, rename ID NAME, approve"),
    ]:
        said = await shell("ann", *words, server=server)
        assert (said.code, said.err) == (1, f"tidewire: {says}"), words
    stranger = await shell("stranger", "conversations")
    assert stranger.code == 1 and stranger.err.startswith("tidewire: nobody is signed in here: `tidewire register NAME`")
    assert not list(shell.home.glob("stranger*")), "asking made nothing"
    assert (
        await shell("../x", "devices")
    ).err == "tidewire: '../x' is no name for a profile: letters, digits, dots, dashes and underscores"
    assert (await shell("ann", "no-such-command")).code == 2
    busy = await shell.start("ann", "listen", "--json")
    assert busy.stdout is not None
    async with asyncio.timeout(60):
        await busy.stdout.readline()
    said = await shell("ann", "devices")
    assert said.code == 1
    assert said.err.endswith("ann.db is open in another process")
    busy.send_signal(signal.SIGINT)
    async with asyncio.timeout(60):
        _, err = await busy.communicate()
    assert (busy.returncode, err) == (130, b"")


async def test_a_server_is_remembered_when_it_has_answered_and_only_then(shell: Shell, node: Node) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    assert (await shell("ann", "register", "ann", server=nobody)).code == 1
    assert not (shell.home / "ann.json").exists()
    await shell.person("ann")
    kept = json.loads((shell.home / "ann.json").read_text())
    assert kept == {"server": node.address, "pin": ""}
    assert (await shell("ann", "privacy", server=nobody)).code == 1
    assert json.loads((shell.home / "ann.json").read_text()) == kept


async def test_what_cannot_be_sent_now_is_kept_and_goes_out_later(shell: Shell, node: Node) -> None:
    await asyncio.gather(shell.person("ann"), shell.person("ben"))
    conversation = (await shell("ann", "send", "ben", "first")).out.split()[-1]
    await node.kill()
    kept = await shell("ann", "send", conversation, "second", "--wait", "0.5")
    assert kept.code == 1 and "the text is kept and goes out when tidewire next reaches it" in kept.err
    waiting = await shell("ann", "send", "ben", "third", "--wait", "0.5")
    assert waiting.code == 1 and "kept" in waiting.err, "ben is known to the device"
    await node.start()
    assert (await shell("ann", "chat", "ben", typed="fourth\n")).code == 0
    assert [line.split(": ")[1] for line in (await shell("ben", "history", "ann")).lines] == [
        "first",
        "second",
        "third",
        "fourth",
    ]


async def test_doctor_says_what_is_wrong_and_what_to_do(shell: Shell, node: Node) -> None:
    await shell.person("ann")
    well = await shell("ann", "doctor")
    assert well.code == 0 and [line.split()[:2] for line in well.lines] == [
        [about, "ok"] for about in ("store", "disk", "account", "server", "token", "clock", "media", "calls")
    ]
    stranger = [json.loads(line) for line in (await shell("stranger", "doctor", "--json")).lines]
    assert [(finding["about"], finding["ok"]) for finding in stranger] == [("account", False), ("server", True)]
    assert "tidewire register NAME" in stranger[0]["says"]
    away = await shell("ann", "doctor", server=f"127.0.0.1:{free_port()}")
    assert away.code == 1 and "WRONG" in away.lines[-1] and "Start it (make run), or name another by --server" in away.lines[-1]
    removed = await shell("ann", "devices")
    await shell("ann", "devices", "remove", removed.out.split()[0])
    revoked = await shell("ann", "doctor")
    assert revoked.code == 1 and revoked.lines[-1].startswith("token    WRONG") and "log in" in revoked.lines[-1]
    (shell.home / "bad.db").write_bytes(b"not a database" * 1000)
    broken = await shell("bad", "doctor")
    assert broken.code == 1 and broken.lines[0].startswith("store    WRONG") and broken.lines[1].startswith("server   ok")
