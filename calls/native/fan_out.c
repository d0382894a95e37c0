/*
 * One packet to many subscribers: copied, rewritten, protected, queued. What calls/adapters/mmsg.py does in Python, byte for byte
 * (tests/calls/test_fan_out.py compares them); built by `make accelerator`, used with `fan_out = compiled`.
 *
 * It allocates nothing and keeps nothing: all memory is the caller's. Sockets, keys and whoever takes a packet are known to Python alone.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define FAN_OUT_VERSION 2

/* libsrtp's srtp_protect: in place, and the length in and out. 0: done. */
typedef int (*protect_function)(void *session, void *packet, int *length);

struct fan_packet {
    const uint8_t *wire;
    uint64_t order;
    uint32_t size, start, timestamp;
    uint16_t picture, picture_at, tl0_at;
    uint8_t marker, picture_bits, tl0;
};

struct fan_target {
    void *session, *name;
    uint64_t offset;
    uint32_t times, ssrc, pictures, tl0s;
    uint8_t number, shifted;
};

/* A row of buffers, and the headers that sendmmsg takes, each with room for an address; `taken` of them wait to be sent. */
struct fan_batch {
    uint8_t *buffers;
    struct mmsghdr *headers;
    struct iovec *vectors;
    uint32_t stride, capacity, taken;
};

int fan_out_version(void) { return FAN_OUT_VERSION; }

static void put_16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_32(uint8_t *at, uint32_t value)
{
    put_16(at, value >> 16);
    put_16(at + 2, value);
}

/* VP8's counters (RFC 7741 section 4.2) go on where the layer before left them. */
static void shift(uint8_t *payload, const struct fan_packet *packet, const struct fan_target *target)
{
    uint32_t picture = packet->picture + target->pictures;
    if (packet->picture_bits == 15)
        put_16(payload + packet->picture_at, 0x8000 | (picture & 0x7FFF));
    else if (packet->picture_bits)
        payload[packet->picture_at] = picture & 0x7F;
    if (packet->tl0_at)
        payload[packet->tl0_at] = (uint8_t)(packet->tl0 + target->tl0s);
}

/*
 * The packet to the targets from `at` on, until the batch is full or all have it. Returns the first that has not got it: the batch is to
 * be sent, and this called again. `sent` grows by those that were protected; the others are left out.
 */
uint32_t fan_out(protect_function protect, struct fan_batch *batch, const struct fan_packet *packet, const struct fan_target *targets,
                 uint32_t at, uint32_t count, uint32_t *sent)
{
    for (; at < count && batch->taken < batch->capacity; at++) {
        const struct fan_target *target = targets + at;
        uint8_t *buffer = batch->buffers + (size_t)batch->taken * batch->stride;
        int length = (int)packet->size;
        memcpy(buffer, packet->wire, packet->size);
        buffer[1] = packet->marker | target->number;
        put_16(buffer + 2, (uint32_t)(packet->order + target->offset));
        put_32(buffer + 4, packet->timestamp + target->times);
        put_32(buffer + 8, target->ssrc);
        if (target->shifted)
            shift(buffer + packet->start, packet, target);
        if (protect(target->session, buffer, &length) != 0)
            continue;
        memcpy(batch->headers[batch->taken].msg_hdr.msg_name, target->name, batch->headers[batch->taken].msg_hdr.msg_namelen);
        batch->vectors[batch->taken].iov_len = (size_t)length;
        batch->taken++;
        ++*sent;
    }
    return at;
}
