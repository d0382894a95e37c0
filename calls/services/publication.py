"""A track that comes in, and the feeds that it goes out on."""

from __future__ import annotations

from calls.domain.keyframes import KeyframeRequests, Wishes
from calls.domain.layer import Layer
from calls.domain.run import Run
from calls.domain.streams import Incoming
from calls.domain.subscription import Subscription
from calls.ports.media import Target
from calls.services.leg import Leg


class Feed:
    """One track for one subscriber.

    Attributes:
        active: the client's answer takes it.
        name: the publisher's, in reports.
    """

    __slots__ = ("publication", "subscription", "leg", "subscriber_id", "name", "wishes", "active")

    def __init__(self, publication: Publication, subscription: Subscription, leg: Leg, subscriber_id: str, name: str) -> None:
        self.publication = publication
        self.subscription = subscription
        self.leg = leg
        self.subscriber_id = subscriber_id
        self.name = name
        self.wishes = Wishes()
        self.active = False

    @property
    def target(self) -> Target | None:
        """Where it goes; None: nowhere for now."""
        leg = self.leg
        if not leg.open or leg.cipher is None or leg.path.current is None:
            return None
        return Target(self.subscription.rewrite, leg.cipher, leg.path.current)


class Takers:
    """Who takes the packets of a layer.

    Attributes:
        feeds: all who do, or wait for its next keyframe.
        run: what those took who are on it, and whom something can be sent to.
        waiting: somebody needs a keyframe.
        prepared: those of the run, as the fan-out keeps them; None: not asked for yet.
    """

    __slots__ = ("feeds", "run", "waiting", "prepared", "_flowing")

    def __init__(self, feeds: list[Feed], layer: int) -> None:
        self.feeds = feeds
        self.run = Run()
        self._flowing = [one for one in feeds if one.subscription.current == layer and one.target is not None]
        self.waiting = any(one.subscription.current != layer for one in feeds)
        self.prepared: object | None = None
        for feed in self._flowing:
            feed.subscription.follow(self.run)

    @property
    def targets(self) -> list[Target]:
        """Where a packet of the run goes."""
        return [target for feed in self._flowing if (target := feed.target) is not None]

    def in_step(self, order: int) -> bool:
        """The packet of this order is the newest for each of those that flow."""
        return all(feed.subscription.newest(order) for feed in self._flowing)


class Publication:
    """One track of one participant.

    `takers` says who gets which layer's packets. It is made by `retarget` alone, from what the subscriptions say of themselves, after
    every change of any of them or of a leg of theirs: so no feed stays where it no longer belongs, and nothing goes where nobody is any more.
    `flowing` are the layers that it was made for; `stale`: something has changed since.
    """

    __slots__ = ("incoming", "feeds", "flowing", "takers", "requests", "muted", "stale")

    def __init__(self, incoming: Incoming) -> None:
        self.incoming = incoming
        self.feeds: dict[str, Feed] = {}
        self.flowing: dict[int, Layer] = {}
        self.takers: dict[int, Takers] = {}
        self.requests: dict[int, KeyframeRequests] = {}
        self.muted = self.stale = False

    def retarget(self) -> None:
        """Make `takers` anew."""
        for index, layer in self.incoming.layers.items():
            if self.flowing.get(index, layer) is not layer:
                for feed in self.feeds.values():
                    feed.subscription.replaced(index)
        self.flowing = dict(self.incoming.layers)
        feeds: dict[int, list[Feed]] = {index: [] for index in self.incoming.layers}
        for feed in self.feeds.values():
            subscription = feed.subscription
            subscription.follow(None)
            for wanted in {subscription.current, subscription.wanted}:
                if wanted in feeds:
                    feeds[wanted].append(feed)
            subscription.switched = False
        self.takers = {index: Takers(those, index) for index, those in feeds.items()}
        self.stale = False

    def request(self, layer: int) -> KeyframeRequests:
        """The layer's requests for keyframes."""
        found = self.requests.get(layer)
        if found is None:
            found = self.requests[layer] = KeyframeRequests()
        return found
