"""`python -m media rotate-key`: a new key for what is stored. Nothing is stored anew: only the files' own keys are wrapped again."""

from __future__ import annotations

from pathlib import Path

from media.adapters.aes_sealer import KeyFileError, add_key, drop_keys, load_keys
from media.adapters.folder_store import FolderStore
from media.adapters.sqlite.catalogue import SqliteObjects
from media.app import CATALOGUE
from media.services.storing import Storing
from media.settings import Settings
from server.kit.database import open_database
from server.kit.store import StoreError
from server.kit.system import SystemClock


async def rotate(settings: Settings) -> str:
    """Make a new key, wrap every file's key by it, and drop the old ones; what was done, in a sentence. Repeatable after a crash.

    Raises:
        StoreError: a worker uses the catalogue, or the file of keys cannot be used.
    """
    path = Path(settings.keys_file) if settings.keys_file else settings.data_dir / "keys.json"
    database = await open_database(settings.data_dir / CATALOGUE, "media.schema")
    try:
        name = add_key(path)
        objects = SqliteObjects(database)
        storing = Storing(FolderStore(settings.data_dir / "blobs"), load_keys(path), objects, SystemClock(), str)
        count = await storing.rewrap()
        gone = drop_keys(path, name)
        return f"{count} files are under the new key {name}; dropped: {', '.join(gone)}. Back up {path}."
    except KeyFileError as error:
        raise StoreError(str(error)) from error
    finally:
        await database.close()
