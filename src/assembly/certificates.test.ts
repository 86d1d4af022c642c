/** Tests of which certificates are read anew, and what is said of those that cannot be used. */
import assert from 'node:assert/strict';
import { copyFileSync, rmSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { makeCertificate } from '../../test/support/tls.ts';
import { checkConfig } from '../config/index.ts';
import { type PlayerOptions, tlsListeners } from '../threads/index.ts';
import { loadCertificates, renewCertificates } from './certificates.ts';
import { playerOptions } from './players.ts';

function setUp(t: TestContext) {
  const [one, two] = [makeCertificate(t), makeCertificate(t)];
  const checked = checkConfig({
    rtmp: { rtmps_enable: true, rtmps_addr: ':1', rtmps_cert_file: one.certFile, rtmps_key_file: one.keyFile },
    default_http: { https_listen_addr: ':2', https_cert_file: two.certFile, https_key_file: two.keyFile },
    hls: { enable_https: true },
    // its file counts nothing at an address that it shares
    httpflv: { enable_https: true, https_cert_file: one.certFile },
  });
  assert.ok(checked.ok);
  return { one, two, asked: playerOptions(checked.config) };
}

const pems = (options: PlayerOptions) => tlsListeners(options).map(({ pem }) => pem?.cert.slice(0, 10) ?? null);

test('each address has the certificate of the first part that has it', (t) => {
  const { asked } = setUp(t);
  assert.deepEqual(pems(asked), [null, null, null]);
  const loaded = loadCertificates(asked);
  assert.deepEqual(pems(loaded), Array(3).fill('-----BEGIN'));
  assert.deepEqual(loaded.hls.tls?.pem, loaded.flv.tls?.pem);
  assert.notDeepEqual(loaded.rtmp.tls?.pem, loaded.flv.tls?.pem);
});

test('what is the same is not said to be renewed; what cannot be used stays as it was', (t) => {
  const { one, two, asked } = setUp(t);
  const running = loadCertificates(asked);
  const isOpen = (): boolean => true;
  const same = renewCertificates(running, asked, isOpen);
  assert.deepEqual([same.renewed, same.problems, pems(same.options)], [[], [], pems(running)]);

  rmSync(one.certFile);
  const { certFile, keyFile } = makeCertificate(t);
  copyFileSync(certFile, two.certFile);
  copyFileSync(keyFile, two.keyFile);
  const next = renewCertificates(running, asked, isOpen);
  assert.deepEqual(next.renewed, ['default_http.https_listen_addr']);
  assert.equal(next.problems.length, 1);
  assert.match(String(next.problems[0]), /^rtmp\.rtmps_addr: cannot read the certificate .*ENOENT/);
  assert.deepEqual(next.options.rtmp.tls?.pem, running.rtmp.tls?.pem);
  assert.notDeepEqual(next.options.hls.tls?.pem, running.hls.tls?.pem);
});

test('of listeners that are not open nothing is said', (t) => {
  const { one, asked } = setUp(t);
  const running = loadCertificates(asked);
  rmSync(one.certFile);
  const { problems } = renewCertificates(running, asked, (key) => key !== 'rtmp.rtmps_addr');
  assert.deepEqual(problems, []);
});
