"""Files on the command line: `tidewire send --file`, `open`, `uploads`, `doctor`, both chats, on a real node and worker."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tidewire import Client

from tests.sdk.test_commands import TIDEWIRE, Shell
from tests.support.media import Deployment
from tests.support.screen import chatting
from tests.support.terminal import terminal

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deployment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    made = await Deployment.started(tmp_path_factory.mktemp("deployment"))
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shell(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """With ann and ben, who have written to one another."""
    shell = Shell(tmp_path_factory.mktemp("home"), deployment.node.address)
    await asyncio.gather(shell.person("ann"), shell.person("ben"))
    assert (await shell("ann", "send", "ben", "hello")).code == 0
    return shell


async def test_a_photo_is_sent_listed_and_opened_and_what_is_there_is_not_loaded_again(
    shell: Shell, files: Path, tmp_path: Path
) -> None:
    sent = await shell("ann", "send", "ben", "--file", str(files / "photo.jpg"), "--caption", "the sea")
    assert sent.code == 0 and sent.out.startswith("sent as ")
    assert sent.err.splitlines()[-1] == "photo.jpg: done" and "photo.jpg: sending" in sent.err
    seq = sent.out.split()[2]
    assert f"{seq:>4} ann: 📷 the sea (" in (await shell("ben", "history", "ann")).lines[-1]
    message = json.loads((await shell("ben", "history", "ann", "--json")).lines[-1])
    assert message["media"]["kind"] == "image" and len(message["media"]["sha256"]) == 64
    opened = await shell("ben", "open", "ann", "--to", str(tmp_path))
    assert (opened.code, opened.lines) == (0, [str(tmp_path / "photo.jpg")]) and "photo.jpg: loading" in opened.err
    assert (tmp_path / "photo.jpg").stat().st_size == message["media"]["size_bytes"]
    again = await shell("ben", "open", "ann", seq, "--to", str(tmp_path))
    assert (again.lines, again.err) == ([str(tmp_path / "photo.jpg")], "")
    (tmp_path / "photo.jpg").write_bytes(b"another one")
    beside = await shell("ben", "open", "ann", seq, "--to", str(tmp_path))
    assert beside.lines == [str(tmp_path / f"photo-{seq}.jpg")] and (tmp_path / "photo.jpg").read_bytes() == b"another one"
    nothing = await shell("ben", "open", "ann", "1")
    assert (nothing.code, nothing.err) == (1, "tidewire: 1 has no file to open")


async def test_the_kind_is_what_the_content_looks_like_unless_said_otherwise(shell: Shell, files: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("no picture")
    cases = [
        ("h264.mp4", [], "🎥"),
        ("opus.ogg", [], "🎵"),
        ("opus.ogg", ["--as", "voice"], "🎤"),
        ("photo.jpg", ["--as", "document"], "📄"),
        (str(tmp_path / "notes.jpg"), [], "📄"),
    ]
    for name, options, _ in cases:
        assert (await shell("ann", "send", "ben", "--file", str(files / name), *options)).code == 0
    lines = (await shell("ann", "history", "ben", "--limit", str(len(cases)))).lines
    for line, (name, _, symbol) in zip(lines, cases, strict=True):
        assert f"me: {symbol} {Path(name).name}" in line


async def test_what_is_not_taken_is_one_sentence_with_limit_and_size(shell: Shell, files: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes((files / "photo.jpg").read_bytes())
    os.truncate(large, 21_000_000)
    torn = tmp_path / "torn.mp4"
    torn.write_bytes((files / "h264.mp4").read_bytes()[:20_000])
    for path, options, says in [
        (large, [], "large.jpg is 20.1 MiB, at most 16 MiB: send it as a document"),
        (large, ["--as", "video"], "large.jpg is 20.1 MiB, at most 16 MiB: send it as a document"),
        (files / "photo.jpg", ["--as", "video"], "photo.jpg is something else: send it as what it is, or as a document"),
        (torn, [], "torn.mp4 is damaged, or cut short"),
        (tmp_path / "none", [], f"{tmp_path}/none cannot be read: No such file or directory"),
    ]:
        said = await shell("ann", "send", "ben", "--file", str(path), *options)
        assert (said.code, said.err.splitlines()[-1]) == (1, f"tidewire: {says}")
    assert (await shell("ann", "send", "ben", "--file", str(torn), "--trim", "9-3")).code == 2
    stranger = await shell("ann", "send", "g:nobody", "--file", str(files / "photo.webp"))
    says = "photo.webp was not sent: you are not a member of this group any more"
    assert (stranger.code, stranger.err.splitlines()[-1]) == (1, f"tidewire: {says}")
    assert (await shell("ann", "uploads")).out == "", "nothing of it is left"


async def test_a_part_of_a_video_and_a_photo_that_is_opened_once(shell: Shell, files: Path, tmp_path: Path) -> None:
    assert (await shell("ann", "send", "ben", "--file", str(files / "h264.mp4"), "--trim", "0-1")).code == 0
    media = json.loads((await shell("ben", "history", "ann", "--json")).lines[-1])["media"]
    assert 500 < media["duration_ms"] <= 1_100
    assert (await shell("ann", "send", "ben", "--file", str(files / "photo.jpg"), "--view-once")).code == 0
    sent = await shell("ann", "send", "ben", "once", "--file", str(files / "photo.jpg"), "--view-once")
    assert sent.code == 0 and "📷 (once) once" in (await shell("ben", "history", "ann")).lines[-1]
    opened = await shell("ben", "open", "ann", "--to", str(tmp_path / "seen.jpg"))
    assert opened.code == 0 and (tmp_path / "seen.jpg").stat().st_size
    twice = await shell("ben", "open", "ann", sent.out.split()[2], "--to", str(tmp_path / "twice.jpg"))
    assert twice.code == 1 and twice.err.endswith("cannot be opened: it was to be seen once, and has been, or it is too old")


async def test_a_person_and_a_group_get_a_picture_that_others_see(shell: Shell, files: Path) -> None:
    given = await shell("ann", "profile", "--avatar", str(files / "photo.jpg"))
    assert given.code == 0 and given.lines[0].endswith("  ann  ann") and given.err.splitlines()[-1] == "photo.jpg: done"
    seen = await shell("ben", "profile", "ann")
    assert seen.lines[0] == given.lines[0] and Path(seen.lines[1]).read_bytes() == Path(given.lines[1]).read_bytes()
    assert Path(json.loads((await shell("ben", "profile", "ann", "--json")).out)["avatar"]) == Path(seen.lines[1])
    assert (await shell("ann", "groups", "create", "Sea", "ben")).code == 0
    assert (await shell("ann", "groups", "avatar", "Sea", str(files / "photo.jpg"))).code == 0
    shown = await shell("ben", "groups", "avatar", "Sea")
    assert shown.code == 0 and Path(shown.lines[0]).stat().st_size
    assert (await shell("ben", "history", "Sea")).lines[-1].endswith("ann changed the picture")
    assert (await shell("ann", "groups", "avatar", "Sea", "--remove")).code == 0
    assert (await shell("ben", "groups", "avatar", "Sea")).out == ""
    assert (await shell("ben", "history", "Sea")).lines[-1].endswith("ann removed the picture")
    assert (await shell("ann", "privacy", "--avatar", "nobody")).code == 0
    assert len((await shell("ben", "profile", "ann")).lines) == 1 and len((await shell("ann", "profile")).lines) == 2
    assert len((await shell("ann", "profile", "--no-avatar")).lines) == 1
    for command, says in (
        (("ann", "profile", "--avatar", str(files / "opus.ogg")), "opus.ogg is something else"),
        (("ann", "profile", "ben", "--avatar", str(files / "photo.jpg")), "only ben changes the picture of ben"),
        (("ben", "groups", "avatar", "Sea", str(files / "photo.jpg")), "needs the role admin"),
    ):
        refused = await shell(*command)
        assert (refused.code, refused.err.splitlines()[-1]) == (1, f"tidewire: {says}")


async def test_an_upload_waits_for_the_worker_is_listed_given_up_or_finished(
    shell: Shell, deployment: Deployment, files: Path
) -> None:
    await deployment.worker.kill()
    try:
        for name in ("photo.jpg", "opus.ogg"):
            waits = await shell("ann", "send", "ben", "--file", str(files / name), "--wait", "0.5")
            assert waits.code == 1 and "the file goes out when tidewire next reaches it" in waits.err
        doctor = await shell("ann", "doctor")
        assert doctor.code == 1 and doctor.lines[-2].startswith("media    WRONG  the media worker does not answer")
        listed = [json.loads(line) for line in (await shell("ann", "uploads", "--json")).lines]
        assert [(upload["name"], upload["reason"]) for upload in listed] == [("photo.jpg", ""), ("opus.ogg", "")]
        left = await shell("ann", "uploads", "--cancel", listed[0]["envelope_id"])
        assert left.code == 0 and [line.split()[1] for line in left.lines] == ["opus.ogg"]
        assert (await shell("ann", "uploads", "--cancel", "nothing")).code == 1
    finally:
        await deployment.worker.start()
    finished = await shell("ann", "uploads", "--finish")
    assert (finished.code, finished.out) == (0, "") and "opus.ogg: done" in finished.err
    assert "🎵 opus.ogg" in (await shell("ann", "history", "ben")).lines[-1]


async def test_doctor_says_what_the_worker_is_like_and_what_is_stored(shell: Shell) -> None:
    said = await shell("ann", "doctor")
    assert said.code == 0, said.out
    media, calls = said.lines[-2:]
    assert calls.startswith("calls") and media.startswith("media    ok     the worker answers, sandbox: ")
    assert any(name in media for name in ("sandbox: bubblewrap;", "sandbox: limits;")) and " of 10 GiB used, " in media


async def test_the_chat_in_a_pipe_sends_and_opens_files(shell: Shell, files: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    photo = folder / "photo.png"
    photo.write_bytes((files / "drawing.png").read_bytes())
    empty = tmp_path / "empty.jpg"
    empty.touch()
    typed = f"/file '{photo}' with love\n/file {empty}\n/file {tmp_path}/none\n/open 1\n"
    said = await shell("ann", "chat", "ben", typed=typed)
    assert said.code == 0 and "photo.png: sending" in said.err, said.err
    line = next(line for line in said.lines if "with love" in line)
    assert " me: 📷 with love (" in line
    assert "     empty.jpg is empty, or nothing is left of it" in said.lines
    assert f"     {tmp_path}/none cannot be read: No such file or directory" in said.lines
    assert "     1 has no file to open" in said.lines
    seq = line.split()[0]
    got = await shell("ben", "chat", "ann", typed=f"/open {seq} {tmp_path}/got.png\n")
    assert f"     {seq} is in {tmp_path}/got.png" in got.lines and (tmp_path / "got.png").read_bytes().startswith(b"\x89PNG")


async def test_a_terminal_is_shown_a_bar_and_the_picture(shell: Shell, files: Path, tmp_path: Path) -> None:
    env = {**os.environ, "TIDEWIRE_HOME": str(shell.home)}
    command = (str(TIDEWIRE), "--profile", "ann")
    async with terminal(*command, "send", "ben", "--file", str(files / "photo.webp"), env=env) as sending:
        await sending.sees("photo.webp: ", "━", "sent as ")
        assert await sending.ends() == 0
    async with terminal(*command, "open", "ben", "--to", str(tmp_path), env=env) as opening:
        await opening.sees(str(tmp_path), "▀▀▀▀")
        assert await opening.ends() == 0


async def test_the_full_screen_chat_sends_shows_and_opens_files(deployment: Deployment, files: Path, tmp_path: Path) -> None:
    address = deployment.node.address
    torn = tmp_path / "torn.mp4"
    torn.write_bytes((files / "h264.mp4").read_bytes()[:20_000])
    async with Client.open(address, tmp_path / "eve.db") as eve, Client.open(address, tmp_path / "fay.db") as fay:
        await eve.register_username("eve.screen")
        await fay.register_username("fay.screen")
        both = await eve.direct("fay.screen")
        async with chatting(eve, both, folder=tmp_path) as screen:
            for path, caption in ((files / "photo.jpg", "the sea"), (torn, "")):
                await screen.keys("ctrl+o")
                await screen.until(lambda: len(screen.app.screen_stack) == 2 and screen.app.screen.query("#path, #caption"))
                screen.app.screen.query_one("#path").value = str(path)
                screen.app.screen.query_one("#caption").value = caption
                await screen.keys("enter")
                await screen.until(lambda: len(screen.app.screen_stack) == 1)
            await screen.until(lambda: any("📷 the sea (" in line and "✓" in line for line in screen.lines()))
            await screen.sees("not sent: torn.mp4 is damaged, or cut short")
            assert "Not sent: torn.mp4 is damaged, or cut short" in screen.told()
            (first,) = await eve.uploads()
            await screen.keys("tab", "t")
            await screen.until(lambda: first.envelope_id not in screen.app.chats.uploads)
            await screen.until(lambda: screen.lines()[-1].endswith("cut short"))
            await screen.keys("escape", "tab", "d")
            await screen.until(lambda: len(screen.app.screen_stack) == 2 and screen.app.screen.query("Footer"))
            await screen.keys("y")
            await screen.until(lambda: not any("torn.mp4" in line for line in screen.lines()))
        assert await eve.uploads() == []
        await fay.caught_up()
        async with chatting(fay, both, folder=tmp_path) as screen:
            await screen.sees("📷 the sea (")
            await screen.keys("up", "o")
            await screen.until(lambda: len(screen.app.screen_stack) == 2 and screen.app.screen.query("Image"))
            await screen.until(lambda: len(screen.app.screen.query("Label")) == 2)
            said = [str(label.content) for label in screen.app.screen.query("Label")]
            assert said == ["📷 the sea", f"Saved as {tmp_path / 'photo.jpg'}"]
            assert (tmp_path / "photo.jpg").read_bytes().startswith(b"\xff\xd8")
            await screen.keys("escape")
            await screen.until(lambda: len(screen.app.screen_stack) == 1)
