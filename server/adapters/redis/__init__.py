"""The cluster's ports over Redis. `open_redis` is the way in."""

from server.adapters.redis.opening import RedisCluster, open_redis

__all__ = ["RedisCluster", "open_redis"]
