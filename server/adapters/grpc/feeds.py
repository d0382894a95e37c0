"""FeedService: the node's feed as a stream of frames."""

from __future__ import annotations

import asyncio
from typing import Any

from tidewire.internal.v1 import feed_pb2, feed_pb2_grpc

from server.adapters.grpc import codec
from server.adapters.grpc.services import Authorise
from server.domain import feed as rules
from server.domain.feed import AccountChanged, EnvelopeAppended, Gap, PositionMoved, Told
from server.domain.service_tokens import Scope
from server.kit.refusal import Reason, Refusal, Refused
from server.services.feed import Follower, NodeFeed
from server.services.service_streams import ServiceStreams

LAST_FRAMES_S = 0.3
"""A stream that is over still takes what waits for it, if it does so this soon."""
REVOKED = Refusal(Reason.UNAUTHENTICATED, "the service token was revoked")


def event(told: Told) -> feed_pb2.FeedEvent:
    """One thing that happened, as a message. Bodies stay here."""
    match told:
        case EnvelopeAppended(conversation_id, seq, header):
            appended = feed_pb2.EnvelopeAppended(conversation_id=conversation_id, seq=seq, header=codec.header(header))
            return feed_pb2.FeedEvent(envelope=appended)
        case AccountChanged(account_id, change):
            changed = feed_pb2.AccountChange(account_id=account_id, kind=int(change))  # type: ignore[arg-type]
            return feed_pb2.FeedEvent(account=changed)
        case PositionMoved(conversation_id, account_id, device_id, acked, read):
            moved = feed_pb2.PositionMoved(
                conversation_id=conversation_id, account_id=account_id, device_id=device_id, acked_seq=acked, read_seq=read
            )
            return feed_pb2.FeedEvent(receipt=moved)
        case Gap(dropped):
            return feed_pb2.FeedEvent(gap=feed_pb2.FeedGap(dropped=dropped))


class FeedServicer(feed_pb2_grpc.FeedServiceServicer):
    """FeedService."""

    def __init__(self, feed: NodeFeed, open_streams: ServiceStreams, authorise: Authorise) -> None:
        self._feed = feed
        self._open_streams = open_streams
        self._authorise = authorise

    async def Follow(self, request: feed_pb2.FollowRequest, context: Any) -> None:
        """Tell what happens, until the node drains or the token is revoked."""
        token = await self._authorise(context, Scope.FEED)
        wanted = rules.check(request.kinds, request.account_ids, request.conversation_ids)
        if isinstance(wanted, Refusal):
            raise Refused(wanted)
        with self._feed.followed(wanted) as follower:

            async def close() -> None:
                follower.close(REVOKED)

            with self._open_streams.opened(token, close):
                await _serve(follower, context)


async def _serve(follower: Follower, context: Any) -> None:
    """Write until it is over.

    Raises:
        Refused: why it is over.
    """
    writer = asyncio.ensure_future(_write(follower, context))
    ends: list[asyncio.Future[Any]] = [writer, follower.over]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if not writer.done():
            await asyncio.wait([writer], timeout=LAST_FRAMES_S)
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    if not writer.cancelled():
        writer.result()
    raise Refused(follower.over.result())


async def _write(follower: Follower, context: Any) -> None:
    await context.write(feed_pb2.FollowResponse())
    while told := await follower.next():
        await context.write(feed_pb2.FollowResponse(events=[event(one) for one in told]))
