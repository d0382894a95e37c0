"""What the node's parts say about themselves at a scrape: part of the composition root."""

from __future__ import annotations

from collections.abc import Iterator

from server.adapters.cql.session import Usage
from server.adapters.metrics import Reading
from server.clustered import Clustered


def cql_readings(usage: Usage) -> Iterator[Reading]:
    """What the node has asked of its CQL database."""
    yield Reading("tidewire_cql_request", "Round trips to the database.", usage.requests)
    yield Reading("tidewire_cql_statement", "Statements, those in batches one by one.", usage.statements)
    yield Reading("tidewire_cql_conditional", "Round trips with a condition.", usage.conditional)
    yield Reading("tidewire_cql_row_written", "Statements that wrote a row, or a part of one.", usage.rows_written)
    yield Reading("tidewire_cql_row_read", "Rows read.", usage.rows_read)
    yield Reading("tidewire_cql_failure", "Round trips that failed.", usage.failures)


def cluster_readings(cluster: Clustered) -> Iterator[Reading]:
    """How the node stands with the others, and with Redis."""
    calls = cluster.redis.counters
    yield Reading("tidewire_redis_degraded", "1 while Redis is away.", cluster.redis.degraded, gauge=True)
    yield Reading("tidewire_redis_call", "Calls of Redis.", calls.calls)
    yield Reading("tidewire_redis_failure", "Calls of Redis that failed.", calls.failures)
    yield Reading("tidewire_node_known", "Other nodes that are alive.", len(cluster.routing.nodes), gauge=True)
    yield Reading("tidewire_link_up", "Links to other nodes that are up.", cluster.links.up(), gauge=True)
    yield Reading("tidewire_relay_dropped", "What did not fit into the queue of a link.", cluster.links.lost())
