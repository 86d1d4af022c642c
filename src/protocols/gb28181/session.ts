/** One publication over RTP: follows one sender's packets, puts them in order, and feeds what they carry to the hub. */
import { PacketDump } from '../../net/index.ts';
import type { Peer, StopReason } from '../../streams/index.ts';
import { isProblem, parseRtpPacket, ReorderBuffer, type RtpPacket } from '../../wire/rtp/index.ts';
import type { Gb28181Deps, RtpPubRequest, RtpPubResult } from './options.ts';
import type { OpenPort, PacketTarget } from './port.ts';
import { PsPublish } from './publish.ts';

const ID_PREFIX = 'PSPUB';
/** A sender is followed until nothing has come from it for so long: another may be the camera, started again. Milliseconds. */
export const SENDER_SILENCE_MS = 5000;
/** UDP: packets that wait for one that is missing, and how long. */
const UDP_REORDER = { maxPackets: 512, maxWaitMs: 200 };
/** TCP: a gap is what the sender left out. */
const TCP_REORDER = { maxPackets: 0, maxWaitMs: 0 };
/** How often packets that wait are looked at. Milliseconds. */
const TICK_MS = 50;
/** RTCP on the same port, as a payload type (RFC 5761 4). */
const FIRST_RTCP_TYPE = 72;
const LAST_RTCP_TYPE = 76;

/** Whose packets are taken. */
interface Sender {
  readonly address: string;
  readonly ssrc: number;
  readonly order: ReorderBuffer;
  packets: number;
}

export class RtpPubSession implements PacketTarget, Peer {
  readonly idleTimeoutMs: number;
  readonly #request: RtpPubRequest;
  readonly #deps: Gb28181Deps;
  #port: OpenPort | null = null;
  #publish: PsPublish | null = null;
  #dump: PacketDump | null = null;
  #sender: Sender | null = null;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #readBytes = 0;
  /** Of the senders that are gone. */
  #lostPackets = 0;
  #timer: NodeJS.Timeout | null = null;
  /** Of the sender that was followed last. */
  #remoteAddr = '';
  /** Whose packets are not taken, and until when that is not asked again. Monotonic ms. */
  #refused = { address: '', untilMs: 0 };
  /** Packets of others than the sender that is followed, and what is no RTP. */
  #strangers = 0;
  #invalid = 0;

  constructor(request: RtpPubRequest, deps: Gb28181Deps) {
    this.#request = request;
    this.#deps = deps;
    this.idleTimeoutMs = request.timeoutMs;
  }

  /** Takes the stream; where it is refused, the port is closed. What comes before that is not heard. */
  async start(port: OpenPort): Promise<RtpPubResult> {
    this.#port = port;
    const { hub, counter, clock, log } = this.#deps;
    const { streamName, dumpFile } = this.#request;
    const host = port.host.includes(':') ? `[${port.host}]` : port.host;
    const sessionId = `${ID_PREFIX}${counter.next(ID_PREFIX)}`;
    const names = { appName: '', streamName, urlParam: '' };
    // nobody has sent anything yet
    const ends = { remoteAddr: '', url: `ps://${host}:${port.port}` };
    const opened = await hub.publish({ sessionId, protocol: 'PS', baseType: 'PUB', ...ends, ...names }, this);
    if (!opened.ok) {
      port.close();
      return { ok: false, reason: opened.reason };
    }
    if (opened.publisher.closed) return { ok: false, reason: 'the session was ended before it began' };
    if (dumpFile !== '') this.#dump = new PacketDump(dumpFile, log);
    this.#heardAtMs = clock.monotonicMs();
    this.#publish = new PsPublish(opened.publisher, this.#deps);
    return { ok: true, sessionId, port: port.port };
  }

  readBytes(): number {
    return this.#readBytes;
  }

  wroteBytes(): number {
    return 0;
  }

  remoteAddr(): string {
    return this.#remoteAddr;
  }

  lostPackets(): number {
    return this.#lostPackets + (this.#sender?.order.lost ?? 0);
  }

  /** The hub has ended the session. */
  close(reason: StopReason): void {
    this.#port?.close();
    this.#forgetSender();
    this.#dump?.close();
    const publish = this.#publish;
    this.#publish = null;
    this.#dump = null;
    if (publish === null) return;
    const { droppedFrames, skippedBytes, publisher } = publish;
    const counted = { strangers: this.#strangers, invalid: this.#invalid, droppedFrames, skippedBytes };
    this.#deps.log.info({ session: publisher.id, reason, ...counted }, 'PS port closed');
  }

  /** The port is of no use any more. */
  fail(error: unknown): void {
    const publish = this.#publish;
    if (publish === null) return;
    this.#deps.log.error({ session: publish.publisher.id, error }, 'a fault ended a PS session');
    publish.publisher.close('protocol error');
    this.close('protocol error');
  }

  receive(bytes: Buffer, address: string): boolean {
    const publish = this.#publish;
    if (publish === null) return true;
    this.#dump?.write(bytes, this.#deps.clock.unixMs());
    const packet = parseRtpPacket(bytes);
    if (isProblem(packet)) {
      this.#invalid++;
      return false;
    }
    if (packet.payloadType >= FIRST_RTCP_TYPE && packet.payloadType <= LAST_RTCP_TYPE) return true;
    const nowMs = this.#deps.clock.monotonicMs();
    const sender = this.#senderOf(packet, address, publish);
    if (sender === null) {
      this.#strangers++;
      const what = `a packet of another than the sender of ${this.#request.streamName} is dropped`;
      this.#deps.limits?.refusals.refused('foreign_packets', address, what);
      return true;
    }
    this.#heardAtMs = nowMs;
    this.#readBytes += bytes.length;
    sender.packets++;
    sender.order.push(packet, nowMs);
    this.#handOn(sender, publish);
    return true;
  }

  isSenderSilent(): boolean {
    return this.#deps.clock.monotonicMs() - this.#heardAtMs >= SENDER_SILENCE_MS;
  }

  senderLeft(): void {
    this.#forgetSender();
  }

  /** The sender that is followed; null where the packet is not of it. */
  #senderOf({ ssrc }: RtpPacket, address: string, publish: PsPublish): Sender | null {
    const known = this.#sender;
    if (known !== null) {
      if (known.ssrc === ssrc && known.address === address) return known;
      if (!this.isSenderSilent()) return null;
      this.#forgetSender();
    }
    if (address === this.#refused.address && this.#deps.clock.monotonicMs() < this.#refused.untilMs) return null;
    publish.restart(this.#deps.clock.monotonicMs() - this.#heardAtMs);
    const order = new ReorderBuffer(this.#request.isTcp ? TCP_REORDER : UDP_REORDER);
    const sender: Sender = { address, ssrc, order, packets: 0 };
    this.#sender = sender;
    this.#remoteAddr = address;
    this.#ask(sender);
    this.#deps.log.info({ session: publish.publisher.id, peer: address, ssrc }, 'PS sender is followed');
    return sender;
  }

  /** Follows it no longer where its address may not send; what came meanwhile is not much. */
  #ask(sender: Sender): void {
    const { decide, clock } = this.#deps;
    decide?.(sender.address)
      .then((decision) => {
        if (decision.ok) return;
        this.#refused = { address: sender.address, untilMs: clock.monotonicMs() + SENDER_SILENCE_MS };
        if (this.#sender !== sender) return;
        this.#forgetSender();
        this.#remoteAddr = '';
      })
      .catch((error: unknown) => this.fail(error));
  }

  #forgetSender(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const sender = this.#sender;
    this.#sender = null;
    if (sender === null) return;
    const { lost, reordered, duplicate } = sender.order;
    this.#lostPackets += lost;
    this.#deps.log.info(
      { peer: sender.address, packets: sender.packets, lost, reordered, duplicate },
      'PS sender is gone',
    );
  }

  /** What is in order goes to the demuxer; what waits is looked at again later. */
  #handOn({ order }: Sender, publish: PsPublish): void {
    try {
      for (let next = order.next(); next !== null; next = order.next()) {
        if (next.restarted) publish.restart(0);
        else if (next.lost > 0) publish.lost();
        publish.push(next.packet.payload);
      }
    } catch (error) {
      this.fail(error);
      return;
    }
    if (order.waiting > 0) this.#timer ??= setTimeout(() => this.#tick(), TICK_MS);
  }

  #tick(): void {
    this.#timer = null;
    if (this.#sender === null || this.#publish === null) return;
    this.#sender.order.tick(this.#deps.clock.monotonicMs());
    this.#handOn(this.#sender, this.#publish);
  }
}
