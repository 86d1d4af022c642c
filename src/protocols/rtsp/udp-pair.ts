/** Two UDP ports of this machine, even and odd, for one medium: RTP and RTCP to and from one peer. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { type PeerLimits, remoteAddress, UNCOUNTED } from '../../net/index.ts';

/** Pairs that are tried before giving up: the odd neighbour of a free port may be taken. */
const MAX_TRIES = 20;
/** A burst of a key frame's packets waits here; the system may allow less. Bytes. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;

export interface UdpPeer {
  /** An IP address: datagrams from others are counted and dropped. */
  readonly address: string;
  /** Where it receives RTP and RTCP; null: it did not say, and is sent nothing. */
  readonly ports: readonly [number, number] | null;
}

export interface UdpPairOptions {
  /** This machine's address that the peer knows. */
  readonly localAddress: string;
  onRtp(bytes: Buffer): void;
  onRtcp(bytes: Buffer): void;
  /** A datagram of another than the peer was dropped. @param from `ADDRESS:PORT` */
  onStranger?(from: string): void;
}

export class UdpPair {
  /** RTP's port, which is even, and RTCP's. */
  readonly ports: readonly [number, number];
  readBytes = 0;
  wroteBytes = 0;
  /** Datagrams that came from elsewhere. */
  strangers = 0;
  /** The peer's ports that are heard, of RTP and RTCP; null: the first that speaks, or the one that the peer named. */
  readonly #heardPorts: [number | null, number | null] = [null, null];
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  /** Null: not known yet, and nobody is heard. */
  #peer: UdpPeer | null = null;
  #isConnected = false;
  #isClosed = false;

  private constructor(rtp: Socket, rtcp: Socket, options: UdpPairOptions) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.ports = [rtp.address().port, rtcp.address().port];
    for (const [which, socket, onBytes] of [
      [0, rtp, options.onRtp],
      [1, rtcp, options.onRtcp],
    ] as const) {
      socket.on('message', (bytes, from) => {
        if (this.#isClosed) return;
        if (this.#accepts(which, from)) {
          this.readBytes += bytes.length;
          onBytes(bytes);
        } else {
          this.strangers++;
          options.onStranger?.(remoteAddress({ remoteAddress: from.address, remotePort: from.port }));
        }
      });
      // a peer whose port is closed (ICMP): its RTSP connection tells whether it is gone
      socket.on('error', () => {});
    }
  }

  /** Null where no pair is free. */
  static async bind(options: UdpPairOptions): Promise<UdpPair | null> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const first = await bindOne(options.localAddress, 0);
      if (first === null) break;
      const { port } = first.address();
      const second = await bindOne(options.localAddress, port % 2 === 0 ? port + 1 : port - 1);
      if (second !== null) {
        return port % 2 === 0 ? new UdpPair(first, second, options) : new UdpPair(second, first, options);
      }
      first.close();
    }
    return null;
  }

  /**
   * Hears this peer from now on. Behind NAT its ports are not the ones that it knows of: the first port of its address that
   * speaks is heard and no other, unless the one that it named speaks, too.
   */
  setPeer(peer: UdpPeer): void {
    this.#peer = peer;
  }

  /** Likewise, and sends to it without a look-up for each datagram; only its own ports are heard. False: no way there. */
  async connect(peer: UdpPeer & { readonly ports: readonly [number, number] }): Promise<boolean> {
    this.#peer = peer;
    const done = await Promise.all([
      connectOne(this.#rtp, peer.ports[0], peer.address),
      connectOne(this.#rtcp, peer.ports[1], peer.address),
    ]);
    this.#isConnected = done.every((each) => each);
    return this.#isConnected;
  }

  /** Bytes that wait to be sent. */
  get queuedBytes(): number {
    return this.#isClosed ? 0 : this.#rtp.getSendQueueSize();
  }

  /** Sends a datagram: 0 RTP, 1 RTCP. */
  send(which: number, bytes: Buffer, start = 0, end = bytes.length): void {
    if (this.#isClosed || this.#peer === null || this.#peer.ports === null) return;
    const socket = which === 0 ? this.#rtp : this.#rtcp;
    this.wroteBytes += end - start;
    if (this.#isConnected) socket.send(bytes, start, end - start);
    else socket.send(bytes, start, end - start, this.#peer.ports[which === 0 ? 0 : 1], this.#peer.address);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#rtp.close();
    this.#rtcp.close();
  }

  #accepts(which: 0 | 1, { address, port }: RemoteInfo): boolean {
    const peer = this.#peer;
    if (peer === null || address !== peer.address) return false;
    if (this.#heardPorts[which] === null || port === peer.ports?.[which]) this.#heardPorts[which] = port;
    return port === this.#heardPorts[which];
  }
}

/** Null where the port is taken, or the system gives none. */
function bindOne(address: string, port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const type = address.includes(':') ? 'udp6' : 'udp4';
    const socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_BYTES });
    socket.once('error', () => {
      socket.close();
      resolve(null);
    });
    socket.bind(port, address, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

/** Whether there is a way to that address. */
function connectOne(socket: Socket, port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    socket.connect(port, address, (error?: Error) => resolve(error === undefined));
  });
}

/** RTP's and RTCP's. */
const SOCKETS_OF_PAIR = 2;

/** What of the peers' bounds UDP needs. */
export type UdpLimits = Pick<PeerLimits, 'udpSockets' | 'refusals'>;

/** All UDP ports of one session, and the bytes that went over them: those of closed ones stay counted. */
export class UdpPairs {
  readonly #pairs: UdpPair[] = [];
  readonly #limits: UdpLimits | undefined;
  /** Give back what was taken of what is allowed. */
  readonly #releases: (() => void)[] = [];
  #isClosed = false;

  /** @param limits absent: there may be any number */
  constructor(limits?: UdpLimits) {
    this.#limits = limits;
  }

  /** Or why there is none. @param peerAddress whose allowance it comes from */
  async open(options: UdpPairOptions, peerAddress = ''): Promise<UdpPair | string> {
    const taken = this.#limits?.udpSockets.take(peerAddress, SOCKETS_OF_PAIR) ?? UNCOUNTED;
    if (!taken.ok) return taken.reason;
    const pair = await UdpPair.bind({
      ...options,
      onStranger: (from) =>
        this.#limits?.refusals.refused('foreign_packets', from, 'a packet of another than the peer is dropped'),
    });
    if (pair === null) {
      taken.release();
      return 'no UDP ports are free';
    }
    this.#pairs.push(pair);
    this.#releases.push(taken.release);
    // the session may have ended meanwhile
    if (this.#isClosed) this.close();
    return pair;
  }

  get readBytes(): number {
    return this.#pairs.reduce((sum, pair) => sum + pair.readBytes, 0);
  }

  get wroteBytes(): number {
    return this.#pairs.reduce((sum, pair) => sum + pair.wroteBytes, 0);
  }

  /** Datagrams that came from elsewhere. */
  get strangers(): number {
    return this.#pairs.reduce((sum, pair) => sum + pair.strangers, 0);
  }

  close(): void {
    this.#isClosed = true;
    for (const pair of this.#pairs) pair.close();
    for (const release of this.#releases.splice(0)) release();
  }
}
