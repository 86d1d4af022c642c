/** A certificate of our own for the TLS listeners, made by openssl. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Scope, tempDir } from './temp-dir.ts';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A self-signed certificate for 127.0.0.1 and localhost. */
export function makeCertificate(scope: Scope): CertificateFiles {
  const dir = tempDir(scope);
  const certFile = join(dir, 'cert.pem');
  const keyFile = join(dir, 'key.pem');
  const names = 'subjectAltName=IP:127.0.0.1,DNS:localhost';
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  execFileSync(
    'openssl',
    ['req', '-x509', ...key, '-out', certFile, '-days', '2', '-subj', '/CN=localhost', '-addext', names],
    { stdio: 'pipe' },
  );
  return { certFile, keyFile };
}
