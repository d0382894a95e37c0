"""What the processes of `make run` are told of one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from calls import settings as calls_settings
from media import settings as media_settings
from server.settings import Settings, load
from server.together import environment


async def told(folder: Path, **settings: str) -> dict[str, str]:
    return await environment(Settings(data_dir=folder, **settings), {}, ("media", "calls"))  # type: ignore[arg-type]


async def test_every_process_takes_what_it_is_told(tmp_path: Path) -> None:
    variables = await told(tmp_path)
    node = load(None, variables, {"data_dir": str(tmp_path)})
    media, calls = media_settings.load(None, variables, {}), calls_settings.load(None, variables, {})
    assert (node.public_media, node.public_calls) == (":7401", ":7402")
    assert node.blob_token == media.blob_token
    assert (calls.media_listen, calls.media_addresses) == ("127.0.0.1:7432", "")
    assert await told(tmp_path) == variables  # kept between starts


async def test_who_listens_to_the_world_is_reached_by_the_addresses_that_its_certificate_names(tmp_path: Path) -> None:
    given = {"chat_listen": "0.0.0.0:7400", "tls": "auto", "tls_names": "chat.example.org, 192.0.2.7,2001:db8::7"}
    calls = calls_settings.load(None, await told(tmp_path, **given), {})
    assert (calls.media_listen, calls.media_addresses) == ("0.0.0.0:7432", "192.0.2.7,2001:db8::7")


async def test_where_no_address_is_named_calls_say_which_setting_is_missing(tmp_path: Path) -> None:
    given = {"chat_listen": "0.0.0.0:7400", "tls": "auto", "tls_names": "chat.example.org"}
    with pytest.raises(calls_settings.SettingsError, match="set media_addresses"):
        calls_settings.load(None, await told(tmp_path, **given), {})
