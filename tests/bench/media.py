"""Figures of a real media worker on this machine, one JSON line each. `make bench-media`.

Worker, node, MinIO and clients share the cores. Throughput stands beside a bare grpc.aio byte stream (`tests/bench/bare_bytes.py`) and
beside the S3 SDK alone, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.verdict import Accepted
from tidewire.v1 import media_pb2

from media.adapters.ffmpeg import opening
from media.adapters.ffmpeg.sandbox import Sandbox
from media.adapters.ffmpeg.workshop import FfmpegWorkshop
from media.adapters.s3_store import S3Store
from media.ports.workshop import Wish
from tests.bench import load
from tests.bench.load import Device
from tests.media import corpus
from tests.support.media import Deployment
from tests.support.media_calls import Caller, chunks, start
from tests.support.minio import MinioServer

MIB = 1_048_576
SOURCES = (
    ("photo.jpg", Kind.IMAGE, 1, "-f lavfi -i testsrc2=size=4000x3000 -frames:v 1 -q:v 3 -pix_fmt yuvj420p"),
    (
        "copied.mp4",
        Kind.VIDEO,
        2,
        "-f lavfi -i testsrc2=size=1280x720:rate=30 -t 15 -c:v libx264 -preset veryfast -crf 32 -pix_fmt yuv420p",
    ),
    ("transcoded.mkv", Kind.VIDEO, 2, "-f lavfi -i testsrc2=size=640x480:rate=30 -t 10 -c:v libvpx -deadline realtime"),
    ("voice.ogg", Kind.VOICE, 3, "-f lavfi -i sine=frequency=440 -t 60 -c:a libopus -b:a 24k"),
    ("voice.wav", Kind.VOICE, 3, "-f lavfi -i sine=frequency=440 -t 60"),
)
RAISED = {"uploads_per_hour": 1_000_000, "quota_bytes": 1 << 50, "waiting_per_account_max": 1_000, "uploads_open_max": 1_000}


def line(**figures: object) -> None:
    """Print one figure."""
    print(json.dumps(figures), flush=True)


def resident_peak_kib(pid: int) -> int:
    """Most resident memory since `reset_peak`."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(row for row in status.splitlines() if row.startswith("VmHWM")).split()[1])


def reset_peak(pid: int) -> None:
    """Begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def different(data: bytes, number: int) -> bytes:
    """The same file as other bytes, so that it is no upload that was there."""
    return data + number.to_bytes(8, "big")


def sources(folder: Path) -> list[tuple[Path, Kind, int]]:
    """What people send: of usual size."""
    folder.mkdir()
    made = []
    for name, kind, number, command in SOURCES:
        corpus.encode(folder / name, *command.split())
        made.append((folder / name, kind, number))
    return made


async def ffmpeg_cpu_s(source: Path, kind: Kind, folder: Path) -> float:
    """What the same programs take for the same file alone: without walls, since those hide what they cost."""
    found = opening.tools()
    walls = Sandbox([found.ffprobe, found.ffmpeg])
    workshop, wish, limits = FfmpegWorkshop(found.ffmpeg, found.ffprobe, walls, MediaLimits()), Wish(kind), MediaLimits()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    accepted = await workshop.inspect(source, wish, limits)
    assert isinstance(accepted, Accepted), accepted
    with tempfile.TemporaryDirectory(dir=folder) as out:
        await workshop.make(source, accepted, wish, Path(out), lambda _: None)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def cpu_by_kind(deployment: Deployment, ann: Caller, times: int, folder: Path) -> None:
    """The worker's own CPU beside that of the programs that it runs."""
    pid = deployment.worker.pid
    for source, kind, number in sources(folder / "sources"):
        data = source.read_bytes()
        await ann.ready(different(data, 0), kind=number)
        own = load.cpu_s(pid)
        for count in range(times):
            status = await ann.ready(different(data, 1 + count), kind=number)
            assert status.stage == media_pb2.UPLOAD_STAGE_READY, status
        own = (load.cpu_s(pid) - own) / times
        theirs = statistics.median([await ffmpeg_cpu_s(source, kind, folder) for _ in range(3)])
        figures = {"worker_ms": round(1000 * own), "ffmpeg_ms": round(1000 * theirs)}
        line(figure=f"CPU per upload, {source.name}", kib=len(data) // 1024, **figures, ratio=round((own + theirs) / theirs, 2))


async def memory(deployment: Deployment, ann: Caller, size: int) -> None:
    """How much more memory a large document needs."""
    pid, data = deployment.worker.pid, random.Random(1).randbytes(size)
    await ann.ready(data[:MIB])
    before = load.resident_kib(pid)
    reset_peak(pid)
    status = await ann.ready(data)
    await ann.download(status.media.blob_id)
    line(figure="resident memory, document", mib=size // MIB, rise_mib=round((resident_peak_kib(pid) - before) / 1024, 1))


async def timed(work: Awaitable[Any], size: int) -> float:
    """MiB a second."""
    began = time.perf_counter()
    await work
    return round(size / MIB / (time.perf_counter() - began), 1)


async def throughput(deployment: Deployment, ann: Caller, minio: MinioServer, size: int, folder: Path) -> None:
    """Up and down, beside the bare stream and the S3 SDK."""
    data = random.Random(2).randbytes(size)
    bare = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.bench.bare_bytes", stdout=asyncio.subprocess.PIPE)
    assert bare.stdout is not None
    limit = Caller(f"127.0.0.1:{int(await bare.stdout.readline())}", "", "")
    upload_id = (await ann.create(data)).status.upload_id
    up_bare = await timed(limit.send([start("any"), *chunks(data)]), size)
    pid, used = deployment.worker.pid, load.cpu_s(deployment.worker.pid)
    up = await timed(ann.send([start(upload_id), *chunks(data)]), size)
    cpu_up = load.cpu_s(pid) - used
    store = S3Store(minio.settings("bench-alone"))
    await store.open()
    source = folder / "source"
    source.write_bytes(data)
    s3_put = await timed(store.put("m/alone", source, ""), size)
    blob_id = (await ann.done(upload_id)).media.blob_id

    async def read() -> None:
        async for _ in store.read("m/alone", 0, size):
            pass

    s3_get = await timed(read(), size)
    down_bare = await timed(limit.download("any", length_bytes=size), size)
    used = load.cpu_s(pid)
    down = await timed(ann.download(blob_id), size)
    cpu_down = load.cpu_s(pid) - used
    await store.close()
    await limit.close()
    bare.terminate()
    await bare.wait()
    per_s = {"mib_per_s": up, "bare": up_bare, "of_bare": round(up / up_bare, 2), "s3_alone": s3_put}
    line(figure="upload", **per_s, worker_cpu_ms_per_mib=round(1000 * cpu_up * MIB / size, 1))
    per_s = {"mib_per_s": down, "bare": down_bare, "of_bare": round(down / down_bare, 2), "s3_alone": s3_get}
    line(figure="download", **per_s, worker_cpu_ms_per_mib=round(1000 * cpu_down * MIB / size, 1))


async def fairness(ann: Caller, ben: Caller) -> None:
    """Somebody with one photo beside somebody with eight videos."""
    files = corpus.made()
    video, photo = (files / "vp8.mkv").read_bytes(), (files / "photo.jpg").read_bytes()
    order: list[str] = []

    async def one(who: Caller, name: str, data: bytes, kind: int) -> None:
        await who.ready(data, kind=kind)
        order.append(name)

    began = time.perf_counter()
    eight = [asyncio.ensure_future(one(ann, "video", different(video, 100 + number), 2)) for number in range(8)]
    await asyncio.sleep(0.5)
    asked = time.perf_counter()
    await one(ben, "photo", different(photo, 100), 1)
    took = time.perf_counter() - asked
    await asyncio.gather(*eight)
    whole = time.perf_counter() - began
    line(figure="fair", photo_is_number=1 + order.index("photo"), of=9, photo_s=round(took, 2), all_s=round(whole, 2))


async def chat(deployment: Deployment, ann: Caller, seconds: int) -> None:
    """The latency of the chat while media is quiet and while it is busy."""
    video = (corpus.made() / "vp8.mkv").read_bytes()
    devices = []
    for name in ("ann.chat", "ben.chat"):
        caller = await Caller.registered(deployment.node.address, deployment.worker.address, name)
        devices.append(Device(deployment.node.address, caller.account_id, caller.metadata[0][1].removeprefix("Bearer ")))
        await caller.close()
    await asyncio.gather(*(device.ready() for device in devices))
    await load.latencies(devices, 40, 2)

    async def busy() -> None:
        count = 0
        while True:
            count += 1
            await ann.ready(different(video, 10_000 + count), kind=2)

    for name, work in (("quiet", None), ("busy", busy)):
        tasks = [asyncio.ensure_future(work()) for _ in range(2)] if work else []
        took = sorted(await load.latencies(devices, 40, seconds))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        line(
            figure=f"chat latency, media {name}",
            p50_ms=round(statistics.median(took), 2),
            p99_ms=round(took[len(took) * 99 // 100], 2),
        )
    for device in devices:
        await device.close()


async def main(scale: float) -> None:
    """All of it."""
    line(note="worker, node, MinIO and clients share this machine's cores", cores=os.cpu_count())
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="tidewire-bench-")))
        minio = MinioServer(folder / "minio")
        opened.push_async_callback(minio.close)
        await minio.start()
        deployment = await Deployment.started(folder, **minio.worker_settings("bench"), **RAISED)
        opened.push_async_callback(deployment.close)
        ann, ben = [await Caller.registered(deployment.node.address, deployment.worker.address, name) for name in ("ann", "ben")]
        size = max(8, round(96 * scale)) * MIB
        await cpu_by_kind(deployment, ann, max(2, round(10 * scale)), folder)
        await memory(deployment, ann, size)
        await throughput(deployment, ann, minio, size, folder)
        await fairness(ann, ben)
        await chat(deployment, ann, max(3, round(15 * scale)))
        await ann.close()
        await ben.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the loads")
    asyncio.run(main(parser.parse_args().scale))
