/** Opens listening sockets: plain and TLS, with errors that say which port and why. */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { createSecureContext } from 'node:tls';

export interface ListenAddress {
  /** Absent: every address, IPv4 and IPv6. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
  /** Other threads of this process listen there too, and the kernel deals out connections among them. */
  readonly reusePort?: boolean;
}

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** What they held when they were last read; absent: they are read at the start. */
  readonly pem?: TlsPem;
}

/** Certificate chain and private key. */
export interface TlsPem {
  readonly cert: string;
  readonly key: string;
}

/**
 * For every server that holds players: small writes go out at once, and TCP's own probes find peers that vanished
 * while nothing was to be sent to them.
 */
export const SOCKET_OPTIONS = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 } as const;

/** A socket that listens. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Lets nobody in any more; running connections go on. */
  close(): void;
}

/** Starts `server` on `address`. Rejects with one sentence that names the port and the cause. */
export function listen(server: Server, address: ListenAddress): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      reject(new Error(`cannot listen on ${address.host ?? ''}:${address.port}: ${listenProblem(error)}`));
    };
    server.once('error', failed);
    server.listen({ ...address, backlog: 4096 }, () => {
      server.removeListener('error', failed);
      const bound = server.address();
      const { address: host, port } =
        bound === null || typeof bound === 'string' ? { address: '', port: address.port } : bound;
      resolve({ host, port, close: () => void server.close() });
    });
  });
}

/** What is to be served, read now where that has not been done. Throws with the file's name and the cause. */
export function readTlsFiles(files: TlsFiles): TlsPem {
  return (
    files.pem ?? { cert: readTlsFile('certificate', files.certFile), key: readTlsFile('private key', files.keyFile) }
  );
}

/** The same, read anew and found to be of use: a certificate and the key that belongs to it. */
export function checkTlsFiles({ certFile, keyFile }: TlsFiles): TlsPem {
  const pem = readTlsFiles({ certFile, keyFile });
  try {
    createSecureContext(pem);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the certificate ${certFile} and the private key ${keyFile} cannot be used: ${why}`);
  }
  return pem;
}

function readTlsFile(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`cannot read the ${what} ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function listenProblem(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'the port is in use by another program';
  if (error.code === 'EACCES') return 'not permitted (ports below 1024 need root or CAP_NET_BIND_SERVICE)';
  if (error.code === 'EADDRNOTAVAIL') return 'this machine does not have that address';
  return error.message;
}
