/** Where packets come in: a UDP port, or a TCP port with one connection at a time. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { listen, remoteAddress, SOCKET_OPTIONS } from '../../net/index.ts';
import { FrameReader } from './frame-reader.ts';

/** What takes the packets. */
export interface PacketTarget {
  /** @returns whether it is an RTP packet */
  receive(packet: Buffer, sender: string): boolean;
  /** Whether a connection may take the place of the one that is open: nothing came over that for long. */
  isSenderSilent(): boolean;
  /** The sender's connection is over. */
  senderLeft(): void;
}

/** A port that is open. */
export interface OpenPort {
  readonly host: string;
  readonly port: number;
  close(): void;
}

/** A burst of a key frame's packets waits here; the system may allow less. Bytes. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

const IN_USE = 'the port is in use by another program';

/** Rejects with a sentence where the port cannot be had. */
export async function openUdp(port: number, target: PacketTarget, onError: (error: Error) => void): Promise<OpenPort> {
  const socket = await bindUdp(port);
  socket.on('message', (packet, { address, port: from }) => {
    target.receive(packet, remoteAddress({ remoteAddress: address, remotePort: from }));
  });
  socket.on('error', onError);
  const { address: host, port: bound } = socket.address();
  return { host, port: bound, close: () => socket.close() };
}

/** On every address, IPv4 and IPv6, or IPv4 alone where this machine has no other. */
async function bindUdp(port: number): Promise<UdpSocket> {
  try {
    return await bindOne('udp6', port).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL') return bindOne('udp4', port);
      throw error;
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot listen on UDP port ${port}: ${why.includes('EADDRINUSE') ? IN_USE : why}`);
  }
}

async function bindOne(type: 'udp4' | 'udp6', port: number): Promise<UdpSocket> {
  const socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_BYTES });
  socket.bind(port);
  try {
    await once(socket, 'listening');
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}

/** How long a connection is let wait for the end of the one before it, which may have been on its way. Milliseconds. */
const TURN_WAIT_MS = 1000;
/** Connections that wait for their turn are counted in. */
const MAX_CONNECTIONS = 8;

/** Rejects with a sentence where the port cannot be had. */
export async function openTcp(port: number, target: PacketTarget): Promise<OpenPort> {
  let current: Socket | null = null;
  const isTaken = (): boolean => current !== null && !current.destroyed && !target.isSenderSilent();
  const take = (socket: Socket): void => {
    current?.destroy();
    current = socket;
    readPackets(socket, target);
    socket.once('close', () => {
      if (current !== socket) return;
      current = null;
      target.senderLeft();
    });
  };
  const sockets = new Set<Socket>();
  const server = createServer(SOCKET_OPTIONS, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    if (!isTaken()) take(socket);
    else {
      setTimeout(() => {
        if (isTaken()) socket.destroy();
        else if (!socket.destroyed) take(socket);
      }, TURN_WAIT_MS).unref();
    }
  });
  server.maxConnections = MAX_CONNECTIONS;
  const listener = await listen(server, { port });
  return {
    host: listener.host,
    port: listener.port,
    close: () => {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function readPackets(socket: Socket, target: PacketTarget): void {
  const sender = remoteAddress(socket);
  const reader = new FrameReader();
  socket.on('data', (bytes: Buffer) => {
    for (const packet of reader.push(bytes)) {
      if (socket.destroyed) return;
      // lengths that are out of step would never be in step again
      if (!target.receive(packet, sender)) socket.destroy();
    }
  });
}
