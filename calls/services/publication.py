"""A track that comes in, and the feeds that it goes out on."""

from __future__ import annotations

from calls.domain.keyframes import KeyframeRequests, Wishes
from calls.domain.layer import Layer
from calls.domain.streams import Incoming
from calls.domain.subscription import Subscription
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


class Publication:
    """One track of one participant.

    `targets` says who gets which layer's packets. It is made by `retarget` alone, from what the subscriptions say of themselves, after
    every change of any of them: so no feed stays where it no longer belongs. `flowing` are the layers that it was made for.
    """

    __slots__ = ("incoming", "feeds", "flowing", "targets", "requests", "muted")

    def __init__(self, incoming: Incoming) -> None:
        self.incoming = incoming
        self.feeds: dict[str, Feed] = {}
        self.flowing: dict[int, Layer] = {}
        self.targets: dict[int, list[Feed]] = {}
        self.requests: dict[int, KeyframeRequests] = {}
        self.muted = False

    def retarget(self) -> None:
        """Make `targets` anew."""
        for index, layer in self.incoming.layers.items():
            if self.flowing.get(index, layer) is not layer:
                for feed in self.feeds.values():
                    feed.subscription.replaced(index)
        self.flowing = dict(self.incoming.layers)
        targets: dict[int, list[Feed]] = {index: [] for index in self.incoming.layers}
        for feed in self.feeds.values():
            subscription = feed.subscription
            for wanted in {subscription.current, subscription.wanted}:
                if wanted in targets:
                    targets[wanted].append(feed)
            subscription.switched = False
        self.targets = targets

    def request(self, layer: int) -> KeyframeRequests:
        """The layer's requests for keyframes."""
        found = self.requests.get(layer)
        if found is None:
            found = self.requests[layer] = KeyframeRequests()
        return found
