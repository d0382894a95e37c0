// The worker that seals and opens the frames of a group's call, between the encoder and the packets. What stays clear is what the unit has to read.
//
//   clear bytes | AES-256-GCM of the rest, and its tag of 16 bytes | IV, 12 bytes | how many bytes are clear, 1 byte
//
// The clear bytes are the additional data: nobody changes one of them, nor their number, without the key. Clear are of VP8 the frame's tag, and in
// keyframes start code and size, too (RFC 6386 §9.1), of Opus the first byte (RFC 6716 §3.1).

const IV_BYTES = 12;
const TAG_BYTES = 16;
const TRAILER_BYTES = IV_BYTES + 1;
const IVS_MAX = 2 ** 32;

/** How many bytes of a frame stay clear: "audio" by Opus, or "video" by VP8, where the first bit says that it is no keyframe. */
function clearBytes(kind, data) {
  const wanted = kind === "audio" ? 1 : data[0] & 1 ? 3 : 10;
  return Math.min(wanted, data.length);
}

/** A frame, sealed. */
export async function seal(key, iv, kind, data) {
  const clear = data.subarray(0, clearBytes(kind, data));
  const way = { name: "AES-GCM", iv, additionalData: clear };
  const sealed = new Uint8Array(await crypto.subtle.encrypt(way, key, data.subarray(clear.length)));
  const frame = new Uint8Array(clear.length + sealed.length + TRAILER_BYTES);
  frame.set(clear);
  frame.set(sealed, clear.length);
  frame.set(iv, clear.length + sealed.length);
  frame[frame.length - 1] = clear.length;
  return frame;
}

/** A frame, opened; null: it was not sealed by this key, or was changed. */
export async function open(key, frame) {
  const clear = frame.subarray(0, frame[frame.length - 1]);
  const end = frame.length - TRAILER_BYTES;
  if (end < clear.length + TAG_BYTES) return null;
  const way = { name: "AES-GCM", iv: frame.subarray(end, end + IV_BYTES), additionalData: clear };
  try {
    const rest = new Uint8Array(await crypto.subtle.decrypt(way, key, frame.subarray(clear.length, end)));
    const data = new Uint8Array(clear.length + rest.length);
    data.set(clear);
    data.set(rest, clear.length);
    return data;
  } catch {
    return null;
  }
}

/** IVs that nobody else who has the key makes: eight bytes by chance, and a counter. */
function* ivs() {
  for (;;) {
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    for (let count = 0; count < IVS_MAX; count++) {
      new DataView(iv.buffer).setUint32(IV_BYTES - 4, count);
      yield iv.slice();
    }
  }
}

let key = null;

function sealing(kind) {
  const each = ivs();
  return async (frame, out) => {
    if (!key) return; // nothing leaves in the clear
    frame.data = (await seal(key, each.next().value, kind, new Uint8Array(frame.data))).buffer;
    out.enqueue(frame);
  };
}

function opening(mid) {
  let opened = true;
  return async (frame, out) => {
    if (!key) return;
    const data = await open(key, new Uint8Array(frame.data));
    if ((data !== null) !== opened) self.postMessage({ mid, opens: (opened = !opened) });
    if (!data) return; // a decoder would make noise of it
    frame.data = data.buffer;
    out.enqueue(frame);
  };
}

function through({ operation, kind, mid, readable, writable }) {
  const transform = operation === "seal" ? sealing(kind) : opening(mid);
  readable.pipeThrough(new TransformStream({ transform })).pipeTo(writable).catch(() => {}); // the connection is over
}

self.onrtctransform = ({ transformer: { options, readable, writable } }) => through({ ...options, readable, writable });
self.onmessage = ({ data }) => {
  if (data.key) key = data.key;
  else through(data);
};
