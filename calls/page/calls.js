// Calls from a browser: the signalling stream, a call between two people, a group call, and the page that shows them.
// It is also the example for web developers: nothing but the platform and the frames of `tidewire/v1/call.proto` as JSON. `seal.js` beside it is
// what browsers want in a worker of its own: the frames of a group's call, sealed by a passphrase.

const FLOWS_EVERY_MS = 30_000;
const RESTART_AFTER_MS = 5_000;
const REJOINS_MAX = 10;

/** A refusal of the process: `reason` is its name in `RefusalReason`; `retryAfterMs`: when another try makes sense, 0: never. */
export class Refused extends Error {
  constructor(refusal) {
    super(refusal.detail || refusal.reason);
    this.reason = (refusal.reason ?? "").replace("REFUSAL_REASON_", "");
    this.retryAfterMs = refusal.retryAfterMs ?? 0;
  }

  /** Why a call is over that is refused to who was in it; `byLink`: and came by one, which opens nothing any more unless it was blocked. */
  end(byLink) {
    return { NOT_A_MEMBER: byLink ? "REVOKED" : "REMOVED", NOT_ALLOWED: "REMOVED", NOT_FOUND: "REVOKED" }[this.reason] ?? "FAILED";
  }
}

function waited(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A UUID of version 7 (RFC 9562). */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let now = Date.now();
  for (let at = 5; at >= 0; at--) {
    bytes[at] = now % 256;
    now = Math.floor(now / 256);
  }
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The direct conversation of two accounts. */
export function direct(one, other) {
  return "d:" + [one, other].sort().join(":");
}

/** The device's stream to the calls process. Opened again when it breaks; commands without an answer are said again. */
export class Signal extends EventTarget {
  #socket = null;
  #waiting = new Map();
  #ref = 0;
  #attempt = 0;
  #closed = false;
  #open = false;

  constructor(url, token) {
    super();
    this.url = url;
    this.token = token;
    this.me = null;
  }

  /** Opens the stream; resolves with the first welcome. */
  connect() {
    return new Promise((resolve, reject) => {
      this.addEventListener("welcome", (event) => resolve(event.detail), { once: true });
      this.addEventListener("ended", (event) => reject(event.detail), { once: true });
      this.#dial();
    });
  }

  #dial() {
    const socket = (this.#socket = new WebSocket(this.url));
    socket.onopen = () => socket.send(JSON.stringify({ ref: "1", hello: { accessToken: this.token } }));
    socket.onmessage = (message) => this.#take(JSON.parse(message.data));
    socket.onclose = () => {
      this.#open = false;
      if (this.#closed) return;
      this.dispatchEvent(new CustomEvent("lost"));
      setTimeout(() => this.#dial(), Math.random() * Math.min(4_000, 250 * 2 ** this.#attempt++));
    };
  }

  #take(response) {
    const [kind, event] = Object.entries(response).find(([name]) => name !== "ref") ?? [];
    if (kind === "welcome") {
      this.#open = true;
      this.#attempt = 0;
      this.me = { accountId: event.accountId, deviceId: event.deviceId };
      this.#emit(kind, event);
      for (const { frame } of this.#waiting.values()) this.#socket.send(frame);
      return;
    }
    if (kind === "closing" && event.replaced) this.#closed = true;
    const waiting = this.#waiting.get(response.ref);
    if (waiting) {
      this.#waiting.delete(response.ref);
      if (kind === "refusal") waiting.reject(new Refused(event));
      else waiting.resolve(event);
    } else if (kind === "refusal" && !this.#open) {
      this.#closed = true; // hello was refused: another try would be, too
      this.dispatchEvent(new CustomEvent("ended", { detail: new Refused(event) }));
    } else {
      this.#emit(kind, event);
    }
  }

  #emit(kind, event) {
    this.dispatchEvent(new CustomEvent(kind, { detail: event }));
  }

  /** Says a command, such as `say({ leave: { conversationId } })`; resolves with its answer, rejects with `Refused`. */
  say(command) {
    const ref = String(++this.#ref + 1_000);
    const frame = JSON.stringify({ ref, ...command });
    return new Promise((resolve, reject) => {
      this.#waiting.set(ref, { frame, resolve, reject });
      if (this.#open) this.#socket.send(frame);
    });
  }

  close() {
    this.#closed = true;
    this.#socket?.close();
  }
}

/** RTCConfiguration of the relays that the process named. `relayOnly`: whatever the process says, nobody learns this device's address. */
function configuration(ice = {}, relayOnly = false) {
  const iceServers = (ice.servers ?? []).map(({ urls, username, credential }) => ({ urls, username, credential }));
  const iceTransportPolicy = relayOnly || ice.relayOnly ? "relay" : "all";
  return { iceServers, iceTransportPolicy, bundlePolicy: "max-bundle" };
}

/** Work that is done in order, one after the other: descriptions must not overlap. */
class InOrder {
  #last = Promise.resolve();

  run(work) {
    const done = this.#last.then(work);
    this.#last = done.catch((error) => console.warn("calls:", error));
    return done;
  }
}

/** A call between two people. Events: "state", "track" (detail: RTCTrackEvent). */
export class DirectCall extends EventTarget {
  #order = new InOrder();
  #early = [];
  #restarting = 0;
  #flowing = 0;

  constructor(signal, callId, { outgoing, conversationId, video, incoming = null, relayOnly = false }) {
    super();
    Object.assign(this, { signal, callId, outgoing, conversationId, video, incoming, relayOnly });
    this.state = "ringing";
    this.reason = "";
    this.revision = 1;
    this.talkedSince = 0;
    this.ticket = incoming?.ticket;
    this.pc = null;
  }

  /**
   * Places it. `media`: a function that opens the microphone, and the camera where there is video.
   * Resolves with the id of the call by which the other side is calling at this moment, if it is: this one is void then.
   */
  async begin(media) {
    const { callId, conversationId, video } = this;
    const placed = await this.signal.say({ place: { callId, conversationId, video } });
    if (placed.callingYouCallId) return placed.callingYouCallId;
    this.ticket = placed.ticket;
    this.#connect(placed.ice);
    for (const track of (await media()).getTracks()) this.pc.addTrack(track);
    await this.pc.setLocalDescription();
    await this.signal.say({ describe: { callId, description: this.#described() } });
    return null;
  }

  /** Takes it. Media is opened once it is this device that has the call. */
  async accept(media) {
    this.#connect(this.incoming.ice);
    await this.#remote("offer", this.incoming.offer.sdp);
    for (const transceiver of this.pc.getTransceivers()) transceiver.direction = "sendrecv";
    await this.pc.setLocalDescription();
    try {
      await this.signal.say({ accept: { callId: this.callId, answer: this.#described() } });
    } catch (error) {
      this.over("ANSWERED_ELSEWHERE");
      throw error;
    }
    if (this.state === "ringing") this.#become("connecting");
    const stream = await media();
    for (const transceiver of this.pc.getTransceivers()) {
      const track = stream.getTracks().find((one) => one.kind === transceiver.receiver.track.kind);
      if (track) await transceiver.sender.replaceTrack(track);
    }
  }

  async decline() {
    await this.signal.say({ decline: { callId: this.callId } });
    this.over("DECLINED");
  }

  async hangUp() {
    const talkedMs = this.talkedSince ? Math.round(performance.now() - this.talkedSince) : 0;
    if (this.state === "ended") return;
    this.over("HANGUP");
    await this.signal.say({ hangUp: { callId: this.callId, ticket: this.ticket, talkedMs } }).catch(() => {});
  }

  /** Sends one more track: pictures, or a screen. */
  add(track) {
    return this.#offer(() => this.pc.addTransceiver(track, { direction: "sendonly" }));
  }

  /** What came for this call. */
  take(kind, event) {
    this.#order.run(async () => {
      if (kind === "accepted" && this.state === "ringing") {
        this.#become("connecting");
        await this.#remote("answer", event.answer.sdp);
      } else if (kind === "candidates") {
        for (const one of event.candidates) await this.#reach(one);
      } else if (kind === "described" && event.answers) {
        if (event.description.revision === this.revision) await this.#remote("answer", event.description.sdp);
      } else if (kind === "described") {
        this.revision = event.description.revision;
        await this.#remote("offer", event.description.sdp);
        await this.pc.setLocalDescription();
        await this.signal.say({ describe: { callId: this.callId, description: this.#described(), answers: true } });
      } else if (kind === "rings") {
        this.dispatchEvent(new CustomEvent("rung"));
      } else if (kind === "over") {
        this.over(event.reason.replace("CALL_END_", ""));
      }
    });
  }

  /** The stream was opened again: what happened meanwhile. No snapshot: the process does not know the call. */
  resume(snapshot) {
    if (this.state === "ended" || !this.ticket) return;
    if (!snapshot) {
      if (this.state === "ringing" || this.state === "connecting") this.over(this.state === "ringing" ? "MISSED" : "FAILED");
      return; // people who talk need nobody
    }
    if (snapshot.answer && this.state === "ringing") this.take("accepted", { answer: snapshot.answer });
    if (snapshot.offer?.revision > this.revision) this.take("described", { description: snapshot.offer });
    if (this.state === "active") this.#flows("connected");
  }

  over(reason) {
    if (this.state === "ended") return;
    this.reason = reason;
    clearInterval(this.#flowing);
    clearTimeout(this.#restarting);
    this.pc?.close();
    this.#become("ended");
  }

  #connect(ice) {
    const pc = (this.pc = new RTCPeerConnection(configuration(ice, this.relayOnly)));
    pc.ontrack = (event) => this.dispatchEvent(Object.assign(new Event("track"), { track: event.track }));
    pc.onicecandidate = ({ candidate }) => {
      if (!candidate || this.state === "ended") return;
      const one = { candidate: candidate.candidate, mid: candidate.sdpMid, line: candidate.sdpMLineIndex };
      this.signal.say({ candidates: { callId: this.callId, candidates: [one] } }).catch(() => {});
    };
    pc.onconnectionstatechange = () => this.#flows(pc.connectionState);
  }

  #flows(state) {
    if (this.state === "ended") return;
    const report = (flows) => this.signal.say({ media: { callId: this.callId, flows } }).catch(() => {});
    if (state === "connected") {
      clearTimeout(this.#restarting);
      this.talkedSince ||= performance.now();
      this.#become("active");
      report(true);
      clearInterval(this.#flowing);
      this.#flowing = setInterval(() => report(true), FLOWS_EVERY_MS);
    } else if (state === "disconnected" || state === "failed") {
      clearInterval(this.#flowing);
      this.#become("reconnecting");
      report(false);
      clearTimeout(this.#restarting);
      if (this.outgoing) this.#restarting = setTimeout(() => this.restart().catch(() => {}), state === "failed" ? 0 : RESTART_AFTER_MS);
    }
  }

  /** Looks for another way, with fresh relays: the caller's side does. */
  async restart() {
    const ice = await this.signal.say({ refreshIce: { callId: this.callId } });
    if (this.state === "ended") return;
    this.pc.setConfiguration(configuration(ice, this.relayOnly));
    await this.#offer(() => this.pc.restartIce());
  }

  #offer(change) {
    return this.#order.run(async () => {
      change();
      for (let tries = 0; tries < 5; tries++) {
        await this.pc.setLocalDescription();
        this.revision += 1;
        try {
          await this.signal.say({ describe: { callId: this.callId, description: this.#described() } });
          return;
        } catch (error) {
          if (error.reason !== "OUT_OF_PLACE") throw error;
          this.revision -= 1; // the other side was first: its offer is answered, then this one is made anew
          await this.pc.setLocalDescription({ type: "rollback" });
          await waited(200);
        }
      }
    });
  }

  #described() {
    return { revision: this.revision, sdp: this.pc.localDescription.sdp };
  }

  async #remote(type, sdp) {
    await this.pc.setRemoteDescription({ type, sdp });
    const early = this.#early.splice(0);
    for (const one of early) await this.#reach(one);
  }

  async #reach({ candidate = "", mid = "", line = 0 }) {
    if (!this.pc?.remoteDescription) this.#early.push({ candidate, mid, line });
    else await this.pc.addIceCandidate({ candidate, sdpMid: mid, sdpMLineIndex: line }).catch(() => {});
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}

const SOURCES = { microphone: "TRACK_SOURCE_MICROPHONE", camera: "TRACK_SOURCE_CAMERA", screen: "TRACK_SOURCE_SCREEN" };
const LAYERS = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", maxBitrate: 1_700_000 },
];

/** The browser's codecs of one kind, such as "VP9", and those that repair it. */
function ofCodec(name) {
  const wanted = [`video/${name}`, "video/rtx"];
  return RTCRtpSender.getCapabilities("video").codecs.filter(({ mimeType }) => wanted.includes(mimeType));
}

const KEY_ROUNDS = 600_000;

/**
 * Seals the frames of a group's call by a passphrase that its people have told one another: the unit forwards them and cannot open them. What this
 * gives, and what it does not, is in docs/calls.md.
 */
class Seal {
  #passphrase;
  #worker = new Worker("seal.js", { type: "module" });
  #through = new WeakSet();

  /** `opens`: told, by section, when what comes can be opened, and when it cannot. */
  constructor(passphrase, opens) {
    this.#passphrase = passphrase.normalize("NFKC"); // the same from every keyboard
    this.#worker.onmessage = ({ data }) => opens(data.mid, data.opens);
  }

  /** Makes the key of one life of the call. Frames that are to be sent before are not sent. */
  async unlock(eraId) {
    const bytes = (text) => new TextEncoder().encode(text);
    const secret = await crypto.subtle.importKey("raw", bytes(this.#passphrase), "PBKDF2", false, ["deriveKey"]);
    const way = { name: "PBKDF2", hash: "SHA-256", salt: bytes(`tidewire frames ${eraId}`), iterations: KEY_ROUNDS };
    const key = await crypto.subtle.deriveKey(way, secret, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    this.#worker.postMessage({ key });
  }

  /** From now on the frames of a sender, or of a receiver, go through it. At once, when it is made: or some would pass by. */
  put({ sender, receiver, mid }, operation, kind) {
    const end = operation === "seal" ? sender : receiver;
    if (this.#through.has(end)) return; // of a section that is used again
    this.#through.add(end);
    if (Seal.byStreams) {
      const { readable, writable } = end.createEncodedStreams();
      this.#worker.postMessage({ operation, kind, mid, readable, writable }, [readable, writable]);
    } else {
      end.transform = new RTCRtpScriptTransform(this.#worker, { operation, kind, mid });
    }
  }

  close() {
    this.#worker.terminate();
  }

  /** Whether the browser has streams of frames alone, as Chromium had before 141: connections have to be told. */
  static get byStreams() {
    return !("RTCRtpScriptTransform" in globalThis);
  }
}

/** What stands before the token in a link's text. */
export const LINK = "tidewire:call/";

/** A group call. Events: "state", "roster", "speakers", "tracks", "muted", "waiting" (who waits to be let in has changed). */
export class GroupCall extends EventTarget {
  #order = new InOrder();
  #downOrder = new InOrder();
  #sources = new Map();
  #revision = 0;
  #shown = new Map();
  #seal = null;
  #ice = {};
  #entered = null;
  #enter;
  #named;
  #self = { muted: false, cameraOff: false };

  /**
   * `linkToken`: of who comes by a link, whose call is known once `join` was answered, or from the stay before; `relayOnly`: not even the unit learns this device's address;
   * `passphrase`: media is sealed by it, and what is not sealed by the same one is neither seen nor heard.
   */
  constructor(signal, conversationId, { linkToken = "", relayOnly = false, passphrase = "" } = {}) {
    super();
    Object.assign(this, { signal, conversationId, linkToken, relayOnly });
    this.#named = Boolean(conversationId);
    this.state = "connecting";
    this.reason = "";
    this.waiting = [];
    this.early = []; // what came before it was known which call a link leads to
    this.eraId = "";
    this.participantId = "";
    this.roster = { participants: [] };
    this.shut = new Set(); // sections of `down` whose frames cannot be opened
    this.#entered = new Promise((resolve) => (this.#enter = resolve));
    if (passphrase) this.#seal = new Seal(passphrase, (mid, opens) => this.#opens(mid, opens));
    this.up = new RTCPeerConnection(this.#configuration());
    this.down = new RTCPeerConnection(this.#configuration());
    this.down.ontrack = ({ transceiver, track }) => this.#seal?.put(transceiver, "open", track.kind);
    this.up.onconnectionstatechange = () => this.#moved(this.up.connectionState);
    this.down.onconnectionstatechange = () => this.down.connectionState === "failed" && this.restartDown();
  }

  /**
   * Joins, or knocks: then `state` is "waiting". `stream`: what is sent; `ring`: the others, when the call begins with this; `codec`: pictures
   * by this one alone ("VP8", "H264", "VP9", "AV1"), in one layer; `muted`, `cameraOff`: what the others are told of this side.
   */
  async join(stream, { ring = false, simulcast = true, codec = "", muted = false, cameraOff = false } = {}) {
    this.#self = { muted, cameraOff };
    for (const track of stream.getTracks()) {
      const layered = track.kind === "video" && simulcast && !codec ? { sendEncodings: LAYERS } : {};
      this.#send(track, track.kind === "audio" ? "microphone" : "camera", codec, layered);
    }
    await this.#offer({ ring });
  }

  #send(track, source, codec = "", layered = {}) {
    const transceiver = this.up.addTransceiver(track, { direction: "sendonly", ...layered });
    const only = this.#seal ? "VP8" : codec; // of which it is known how many bytes the unit has to read
    if (track.kind === "video" && only) transceiver.setCodecPreferences(ofCodec(only));
    this.#seal?.put(transceiver, "seal", track.kind);
    this.#sources.set(transceiver, source);
  }

  /** Whether what this side sends can be opened by those alone who have its passphrase. */
  get sealed() {
    return this.#seal !== null;
  }

  #configuration() {
    const streams = this.#seal && Seal.byStreams ? { encodedInsertableStreams: true } : {};
    return { ...configuration(this.#ice, this.relayOnly), ...streams };
  }

  #relays() {
    for (const connection of [this.up, this.down]) connection.setConfiguration(this.#configuration());
  }

  #opens(mid, opens) {
    if (opens) this.shut.delete(mid);
    else this.shut.add(mid);
    this.dispatchEvent(new CustomEvent("tracks"));
  }

  #offer(more = {}, options = {}) {
    return this.#order.run(async () => {
      const described = await this.up.createOffer(options);
      const first = !this.participantId;
      if (!first) await this.up.setLocalDescription(described);
      this.#revision += 1;
      const mids = [...described.sdp.matchAll(/^a=mid:(.*)$/gm)].map(([, mid]) => mid);
      const sections = [...this.#sources].map(([transceiver, source], n) => ({ mid: transceiver.mid ?? mids[n], source: SOURCES[source] }));
      const offer = { revision: this.#revision, sdp: described.sdp };
      const where = this.linkToken ? { linkToken: this.linkToken } : {};
      if (this.participantId || this.#named) where.conversationId = this.conversationId; // who is in stays in when the link is revoked
      const joined = await this.signal.say({ join: { ...where, offer, sections, eraId: this.eraId || undefined, ...this.#self, ...more } });
      this.conversationId = joined.callId ?? joined.conversationId;
      for (const [kind, event] of this.early.splice(0)) if (event.conversationId === this.conversationId) this.take(kind, event);
      if (!joined.participantId) return this.#become("waiting");
      if (this.state === "waiting" || this.state === "connecting") this.#become("active");
      if (this.eraId !== joined.eraId) await this.#seal?.unlock(joined.eraId);
      this.eraId = joined.eraId;
      this.participantId = joined.participantId;
      this.#ice = joined.ice;
      if (first) {
        this.#relays(); // they are known by now: ways are looked for from here on
        await this.up.setLocalDescription(described);
      }
      await this.up.setRemoteDescription({ type: "answer", sdp: joined.answer.sdp });
      this.#enter();
      this.#seen(joined.roster);
    });
  }

  /** Shows one more thing, such as a screen. */
  async share(track, source = "screen") {
    this.#send(track, source);
    track.addEventListener("ended", () => this.unshare(source));
    await this.#offer();
  }

  async unshare(source) {
    for (const [transceiver, is] of this.#sources) {
      if (is !== source) continue;
      this.#sources.delete(transceiver);
      transceiver.stop();
    }
    await this.#offer();
  }

  #moved(state) {
    if (this.state === "ended") return;
    if (state === "failed") {
      this.#relays();
      this.#offer({}, { iceRestart: true }).catch(() => {});
    }
    if (state === "connected") this.#become("active");
    if (state === "disconnected") this.#become("reconnecting");
  }

  /** The stream was opened again: is this device still in? If not, it has to join once more. */
  async resume() {
    const waiting = this.state === "waiting";
    if (this.state === "ended" || (!waiting && !this.eraId)) return;
    try {
      if (waiting) return await this.#offer(); // it may have been let in meanwhile
      const { participants = [] } = await this.signal.say({ peek: { conversationId: this.conversationId } });
      if (participants.some(({ participantId }) => participantId === this.participantId)) return;
      setTimeout(() => this.dispatchEvent(new CustomEvent("move")), Math.random() * 1_000);
    } catch (error) {
      if (error.retryAfterMs) setTimeout(() => this.resume(), error.retryAfterMs); // nobody can say: media may flow all the same
      else if (this.linkToken && !waiting) this.dispatchEvent(new CustomEvent("move")); // a guest is told nothing of a call that it is not in
      else this.over(error.end?.(waiting) ?? "FAILED");
    }
  }

  restartDown() {
    return this.signal.say({ restartDown: { conversationId: this.conversationId } }).catch(() => {});
  }

  /** The height in pixels at which a track is shown; 0: not at all. */
  watch(participantId, source, height) {
    this.#shown.set(`${participantId}/${source}`, { participantId, source: SOURCES[source], height });
    return this.signal.say({ watch: { conversationId: this.conversationId, tracks: [...this.#shown.values()] } });
  }

  async set(changes) {
    await this.signal.say({ setSelf: { conversationId: this.conversationId, ...changes } });
    for (const name of Object.keys(this.#self)) this.#self[name] = changes[name] ?? this.#self[name];
  }

  /** Lets somebody in who waits, or does not: "ADMIT", "DENY", "BLOCK". */
  answer(waitingId, answer) {
    const answerWaiting = { conversationId: this.conversationId, waitingIds: [waitingId], answer: `WAITING_ANSWER_${answer}` };
    return this.signal.say({ answerWaiting });
  }

  moderate(participantId, remove = false) {
    return this.signal.say({ moderate: { conversationId: this.conversationId, participantId, remove } });
  }

  async leave() {
    if (this.state === "ended") return;
    this.over("HANGUP");
    await this.signal.say({ leave: { conversationId: this.conversationId } }).catch(() => {});
  }

  take(kind, event) {
    if (kind === "downOffer") this.#downOrder.run(() => this.#answer(event));
    else if (kind === "roster") this.#seen(event);
    else if (kind === "speakers") this.dispatchEvent(new CustomEvent("speakers", { detail: event.participantIds ?? [] }));
    else if (kind === "muted") {
      this.#self.muted = true;
      this.dispatchEvent(new CustomEvent("muted", { detail: event.accountId }));
    } else if (kind === "waitingRoom") {
      this.waiting = event.waiting ?? [];
      this.dispatchEvent(new CustomEvent("waiting"));
    } else if (kind === "admitted") this.#offer().catch((error) => this.over(error.reason));
    else if (kind === "groupOver") this.over(event.reason.replace("CALL_END_", ""));
    else if (kind === "move") setTimeout(() => this.dispatchEvent(new CustomEvent("move")), Math.random() * (event.afterMs ?? 0));
  }

  async #answer({ offer, tracks = [] }) {
    await this.#entered; // relays and key are there
    if (this.state === "ended") return;
    await this.down.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    await this.down.setLocalDescription();
    const answer = { revision: offer.revision, sdp: this.down.localDescription.sdp };
    await this.signal.say({ answerDown: { conversationId: this.conversationId, answer } });
    this.tracks = tracks.map(({ mid, participantId, source }) => ({
      mid,
      participantId,
      source: Object.keys(SOURCES).find((name) => SOURCES[name] === source),
      track: this.down.getTransceivers().find((one) => one.mid === mid)?.receiver.track,
    }));
    this.dispatchEvent(new CustomEvent("tracks"));
  }

  #seen(roster) {
    this.roster = { participants: [], ...roster };
    this.dispatchEvent(new CustomEvent("roster"));
  }

  over(reason) {
    if (this.state === "ended") return;
    this.reason = reason;
    this.up.close();
    this.down.close();
    this.#seal?.close();
    this.#become("ended");
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}

/** All calls of this page. Events: "incoming" (detail: DirectCall), "groupRings". */
export class Calls extends EventTarget {
  constructor(signal) {
    super();
    this.signal = signal;
    this.direct = new Map();
    this.group = null;
    for (const kind of ["rings", "accepted", "candidates", "described", "over"]) {
      signal.addEventListener(kind, ({ detail }) => this.direct.get(detail.callId)?.take(kind, detail));
    }
    for (const kind of ["downOffer", "roster", "speakers", "muted", "groupOver", "move", "waitingRoom", "admitted"]) {
      signal.addEventListener(kind, ({ detail }) => {
        if (!this.group?.conversationId) this.group?.early.push([kind, detail]);
        else if (this.group.conversationId === detail.conversationId) this.group.take(kind, detail);
      });
    }
    signal.addEventListener("incoming", ({ detail }) => this.#rings(detail));
    signal.addEventListener("groupRings", ({ detail }) => this.dispatchEvent(new CustomEvent("groupRings", { detail })));
    signal.addEventListener("welcome", ({ detail }) => {
      const now = new Map((detail.calls ?? []).map((snapshot) => [snapshot.call.callId, snapshot]));
      for (const call of this.direct.values()) call.resume(now.get(call.callId));
      for (const { state, call, outgoing } of now.values()) {
        if (state === "CALL_STATE_RINGING" && !outgoing) this.#rings(call);
      }
      this.group?.resume();
    });
  }

  #rings(incoming) {
    if (this.direct.has(incoming.callId)) return;
    const { callId, conversationId, video } = incoming;
    if (this.#inAnother(conversationId)) {
      this.signal.say({ busy: { callId } }).catch(() => {});
      return;
    }
    const call = new DirectCall(this.signal, callId, { outgoing: false, conversationId, video, incoming });
    this.direct.set(callId, call);
    this.signal.say({ showRinging: { callId } }).catch(() => {});
    this.dispatchEvent(new CustomEvent("incoming", { detail: call }));
  }

  /** In a call, or placing one; of the same conversation it is two people who call one another at once, which the server sees to. */
  #inAnother(conversationId) {
    const within = ({ state, outgoing }) => ["connecting", "active", "reconnecting"].includes(state) || (state === "ringing" && outgoing);
    const others = [...this.direct.values(), ...(this.group ? [this.group] : [])].filter(within);
    return others.some((call) => call.conversationId !== conversationId);
  }

  async place(conversationId, video, media, { relayOnly = false } = {}) {
    const call = new DirectCall(this.signal, newId(), { outgoing: true, conversationId, video, relayOnly });
    this.direct.set(call.callId, call); // what comes for it may be faster than the answer
    const callingYou = await call.begin(media);
    if (!callingYou) return call;
    this.direct.delete(call.callId);
    const theirs = this.direct.get(callingYou);
    theirs.relayOnly = relayOnly;
    await theirs.accept(media);
    return theirs;
  }

  /**
   * Joins the call of a group, or the one that a link's text leads to. `conversationId`: of who was in it before; the rest of the options: see
   * `GroupCall` and its `join`.
   */
  async join(where, stream, { conversationId = "", relayOnly, passphrase, ...options } = {}) {
    const linkToken = where.startsWith(LINK) ? where.slice(LINK.length) : "";
    const before = this.group;
    const group = (this.group = new GroupCall(this.signal, linkToken ? conversationId : where, { linkToken, relayOnly, passphrase }));
    try {
      await group.join(stream, options);
    } catch (error) {
      group.over("FAILED");
      this.group = before;
      throw error;
    }
    return group;
  }
}

// -- the page ----------------------------------------------------------------------------------------------------------

const STATES = {
  waiting: "waiting to be let in",
  connecting: "connecting",
  active: "active",
  reconnecting: "reconnecting",
};

class Page {
  constructor() {
    this.find = (id) => document.getElementById(id);
    this.calls = null;
    this.current = null;
    this.stream = null;
    this.screen = null;
    this.codec = ""; // for trying one: `page.codec = "AV1"` in the console
    this.find("sign-in").onsubmit = (event) => (event.preventDefault(), this.signIn(this.find("token").value.trim()));
    this.find("whom").onsubmit = (event) => (event.preventDefault(), this.guard(() => this.begin()));
    this.find("hang-up").onclick = () => this.guard(() => this.end());
    this.find("mute").onclick = () => this.guard(() => this.toggle("mute", "audio"));
    this.find("camera").onclick = () => this.guard(() => this.toggle("camera", "video"));
    this.find("screen").onclick = () => this.guard(() => this.shareScreen());
    this.find("hand").onclick = () => this.guard(() => this.toggle("hand"));
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    if (token) {
      history.replaceState(null, "", location.pathname); // a token is not for bookmarks
      this.signIn(token);
    }
  }

  say(text) {
    this.find("status").textContent = text;
  }

  async guard(work) {
    try {
      await work();
    } catch (error) {
      this.say(error.message);
      console.warn("calls:", error);
    }
  }

  async signIn(token) {
    const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/signal`;
    const signal = new Signal(url, token);
    this.calls = new Calls(signal);
    this.calls.addEventListener("incoming", ({ detail }) => this.rings(detail));
    this.calls.addEventListener("groupRings", ({ detail }) => this.groupRings(detail));
    signal.addEventListener("lost", () => this.say("connecting again …"));
    signal.addEventListener("welcome", () => this.say("connected"));
    await this.guard(async () => {
      await signal.connect();
      this.find("me").textContent = signal.me.accountId;
      this.find("sign-in").hidden = true;
      this.find("desk").hidden = false;
    });
  }

  media(video) {
    return async () => (this.stream = await navigator.mediaDevices.getUserMedia({ audio: true, video }));
  }

  async begin() {
    const target = this.find("target").value.trim();
    const video = this.find("with-video").checked;
    if (target.startsWith("g:") || target.startsWith(LINK)) return this.join(target, video, true);
    const conversation = target.startsWith("d:") ? target : direct(this.calls.signal.me.accountId, target);
    this.say("calling …");
    this.showDirect(await this.calls.place(conversation, video, this.media(video), { relayOnly: this.find("relay-only").checked }));
  }

  rings(call) {
    this.find("who-rings").textContent = `${call.incoming.callerAccountId} calls${call.video ? " with video" : ""}`;
    this.find("ringing").hidden = false;
    this.find("accept").onclick = () => this.guard(() => this.take(call));
    this.find("decline").onclick = () => this.guard(() => call.decline());
    call.addEventListener("state", () => (this.find("ringing").hidden = call.state !== "ringing"));
  }

  groupRings({ conversationId, callerAccountId, video }) {
    this.find("who-rings").textContent = `${callerAccountId} calls the group`;
    this.find("ringing").hidden = false;
    const close = () => (this.find("ringing").hidden = true);
    this.find("accept").onclick = () => (close(), this.guard(() => this.join(conversationId, video, false)));
    this.find("decline").onclick = () => (close(), this.calls.signal.say({ leave: { conversationId } }).catch(() => {}));
  }

  async take(call) {
    call.relayOnly = this.find("relay-only").checked;
    this.showDirect(call);
    await call.accept(this.media(call.video));
    this.tile("own", this.stream.getVideoTracks(), "you", true);
  }

  showDirect(call) {
    this.current = call;
    this.stage(true);
    if (this.stream && call.outgoing) this.tile("own", this.stream.getVideoTracks(), "you", true);
    for (const transceiver of call.pc?.getTransceivers() ?? []) this.play(call, transceiver.receiver.track);
    call.addEventListener("track", ({ track }) => this.play(call, track));
    call.addEventListener("rung", () => this.say("it rings"));
    const moved = () => {
      if (call.state !== "ringing") this.say(call.state === "ended" ? `over: ${call.reason.toLowerCase()}` : call.state);
      if (call.state === "ended") this.stage(false);
    };
    call.addEventListener("state", moved);
    moved(); // it may have been taken already
  }

  play(call, track) {
    if (track.kind === "video" || !call.remote) call.remote ??= new MediaStream();
    call.remote.addTrack(track);
    this.tile("other", call.remote, call.outgoing ? this.find("target").value : call.incoming.callerAccountId);
  }

  async join(where, video, ring) {
    await this.media(video)();
    try {
      const how = { codec: this.codec, relayOnly: this.find("relay-only").checked, passphrase: this.find("passphrase").value };
      await this.enter(where, { ring, ...how });
    } catch (error) {
      this.closeMedia();
      throw error;
    }
  }

  /** Enters a group's call, for the first time or again. */
  async enter(where, how) {
    const call = await this.calls.join(where, this.stream, how);
    this.current = call;
    this.stage(true);
    this.tile("own", this.stream.getVideoTracks(), call.sealed ? "you · sealed" : "you", true);
    const draw = () => this.drawGroup(call);
    for (const kind of ["roster", "tracks"]) call.addEventListener(kind, draw);
    call.addEventListener("waiting", () => this.drawDoor(call));
    call.addEventListener("speakers", ({ detail }) => {
      for (const tile of this.find("tiles").children) tile.classList.toggle("speaks", detail.includes(tile.dataset.participant));
    });
    call.addEventListener("muted", () => {
      this.stream.getAudioTracks().forEach((track) => (track.enabled = false));
      this.find("mute").setAttribute("aria-pressed", "true");
      this.say("an admin muted you");
    });
    call.addEventListener("move", () => this.again(call, where, how));
    const moved = () => this.say(STATES[call.state] ?? `over: ${call.reason.toLowerCase()}`);
    call.addEventListener("state", () => {
      if (this.current !== call) return; // another stay has taken its place
      moved();
      if (call.state === "ended") this.stage(false);
    });
    moved();
    draw();
    this.drawDoor(call);
  }

  /** The unit of the call has gone, or goes: joins by another one, as what this side was. The old media flows until it is in. */
  async again(call, where, { ring, ...how }) {
    if (call.leaving) return;
    call.leaving = true;
    for (let tries = 1; this.current === call && call.state !== "ended"; tries++) {
      const self = { muted: this.pressed("mute"), cameraOff: this.pressed("camera"), conversationId: call.conversationId };
      try {
        await this.enter(where, { ...how, ...self });
      } catch (error) {
        const last = !error.retryAfterMs || tries === REJOINS_MAX;
        if (last) call.over(error.retryAfterMs ? "NETWORK" : (error.end?.(Boolean(call.linkToken)) ?? "FAILED"));
        else await waited(error.retryAfterMs * (1 + Math.random()));
        continue;
      }
      call.over("REPLACED");
      if (this.screen?.readyState === "live") await this.guard(() => this.current.share(this.screen));
    }
  }

  /** Who waits to be let in, with what may become of them. */
  drawDoor(call) {
    const rows = call.waiting.map(({ waitingId, displayName, accountId }) => {
      const row = document.createElement("li");
      row.append(`${displayName || accountId} waits to be let in `);
      for (const [text, answer] of [["Let in", "ADMIT"], ["Not now", "DENY"], ["Never", "BLOCK"]]) {
        const button = Object.assign(document.createElement("button"), { textContent: text, className: answer.toLowerCase() });
        button.onclick = () => this.guard(() => call.answer(waitingId, answer));
        row.append(button);
      }
      return row;
    });
    this.find("door").replaceChildren(...rows);
  }

  drawGroup(call) {
    const wanted = new Set(["own"]);
    for (const one of call.roster.participants ?? []) {
      if (one.participantId === call.participantId) continue;
      const marks = [one.guest ? `${one.displayName} (guest)` : one.accountId, one.muted ? "muted" : "", one.handRaised ? "✋" : "", one.reconnecting ? "…" : ""];
      for (const source of ["camera", "screen"]) {
        const mine = (call.tracks ?? []).filter(({ participantId }) => participantId === one.participantId);
        const tracks = mine.filter((at) => at.track && (at.source === source || (source === "camera" && at.source === "microphone")));
        if (source === "screen" && !tracks.length) continue;
        const key = `${one.participantId}/${source}`;
        wanted.add(key);
        const shut = tracks.some(({ mid }) => call.shut.has(mid)) ? "another passphrase, or none" : "";
        const tile = this.tile(key, tracks.map(({ track }) => track), [...marks, shut].filter(Boolean).join(" · "));
        tile.dataset.participant = one.participantId;
      }
    }
    for (const tile of [...this.find("tiles").children]) if (!wanted.has(tile.dataset.key)) tile.remove();
  }

  tile(key, media, name, own = false) {
    let tile = [...this.find("tiles").children].find((one) => one.dataset.key === key);
    if (!tile) {
      tile = document.createElement("div");
      tile.className = own ? "tile own" : "tile";
      tile.dataset.key = key;
      const video = Object.assign(document.createElement("video"), { autoplay: true, playsInline: true, muted: own });
      tile.append(video, Object.assign(document.createElement("span"), { className: "name" }));
      this.find("tiles").append(tile);
    }
    const video = tile.querySelector("video");
    const tracks = media instanceof MediaStream ? media.getTracks() : media;
    const shown = video.srcObject?.getTracks() ?? [];
    if (tracks.length !== shown.length || tracks.some((track) => !shown.includes(track))) video.srcObject = new MediaStream(tracks);
    tile.querySelector(".name").textContent = name;
    return tile;
  }

  stage(shown) {
    this.find("stage").hidden = !shown;
    this.find("call").disabled = shown;
    clearInterval(this.measuring);
    if (shown) {
      this.measuring = setInterval(() => this.guard(() => this.measure()), 1_000);
    } else {
      this.closeMedia();
      this.find("tiles").replaceChildren();
      this.find("door").replaceChildren();
      for (const name of ["mute", "camera", "hand"]) this.find(name).setAttribute("aria-pressed", "false");
    }
  }

  closeMedia() {
    for (const track of [...(this.stream?.getTracks() ?? []), this.screen]) track?.stop();
  }

  async measure() {
    const pc = this.current instanceof GroupCall ? this.current.down : this.current?.pc;
    if (!pc || pc.connectionState !== "connected") return;
    let lost = 0;
    let received = 0;
    let frames = 0;
    for (const one of (await pc.getStats()).values()) {
      if (one.type !== "inbound-rtp") continue;
      lost += one.packetsLost ?? 0;
      received += one.packetsReceived ?? 0;
      frames += one.framesDecoded ?? 0;
    }
    const percent = received ? ((100 * lost) / (lost + received)).toFixed(1) : "0.0";
    this.find("figures").value = `${received} packets, ${percent} % lost, ${frames} frames`;
  }

  pressed(id) {
    return this.find(id).getAttribute("aria-pressed") === "true";
  }

  async toggle(id, kind) {
    const on = !this.pressed(id);
    this.find(id).setAttribute("aria-pressed", String(on));
    if (kind) {
      this.stream?.getTracks().filter((track) => track.kind === kind).forEach((track) => (track.enabled = !on));
    }
    if (this.current instanceof GroupCall) {
      await this.current.set({ [{ mute: "muted", camera: "cameraOff", hand: "handRaised" }[id]]: on });
    }
  }

  async shareScreen() {
    const [track] = (await navigator.mediaDevices.getDisplayMedia({ video: true })).getVideoTracks();
    this.screen = track;
    if (this.current instanceof GroupCall) await this.current.share(track);
    else await this.current.add(track);
  }

  async end() {
    await (this.current instanceof GroupCall ? this.current.leave() : this.current.hangUp());
  }
}

if (document.getElementById("stage")) globalThis.page = new Page();
