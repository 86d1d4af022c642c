/** Tests of the configured URLs and addresses against the list of hosts that may be connected to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors, warnings } from './check.fixture.ts';

test('a list of allowed hosts is held against every URL and address that is used', () => {
  const value = {
    http_notify: { enable: true, on_pub_start: 'http://in.example/x', on_pub_stop: 'https://out.example/x' },
    relay_push: { enable: true, addr_list: ['10.1.2.3', '[::1]:1935', '10.1.2.3:1936'] },
    static_relay_pull: { enable: true, addr: 'out.example' },
    millrace: {
      outbound: { allow: ['in.example', '10.0.0.0/8:1935'] },
      notify: { on_record_stop: 'http://u:p@192.0.2.1:8080/x' },
      admission: { on_play: 'http://127.0.0.1/x' },
    },
  };
  const allowed = 'allowed: one that millrace.outbound.allow lets through';
  assert.deepEqual(errors(value), [
    `http_notify.on_pub_stop: found the host "out.example", port 443, ${allowed}`,
    `millrace.notify.on_record_stop: found the host "192.0.2.1", port 8080, ${allowed}`,
    `millrace.admission.on_play: found the host "127.0.0.1", port 80, ${allowed}`,
    `relay_push.addr_list[1]: found the host "::1", port 1935, ${allowed}`,
    `relay_push.addr_list[2]: found the host "10.1.2.3", port 1936, ${allowed}`,
  ]);
  // what is off is not looked at, and what a name resolves to not before it is connected to
  const { relay_push, static_relay_pull, millrace } = value;
  const off = {
    relay_push: { ...relay_push, enable: false },
    static_relay_pull,
    millrace: { outbound: millrace.outbound },
  };
  assert.deepEqual(warnings(off), []);
  assert.deepEqual(errors({ millrace: { outbound: { allow: ['*.example.org', '10.0.0'] } } }), [
    'millrace.outbound.allow[1]: found "10.0.0" (string), allowed: a string HOST, *.DOMAIN, ADDRESS or ADDRESS/BITS, each with or without :PORT',
  ]);
});
