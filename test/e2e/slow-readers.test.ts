/** What a stranger can make the process hold by asking and not reading. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { type Service, startService } from '../support/service.ts';

/** As docs/security.md says it: 64 MiB that nobody reads, as much again until the garbage collector comes, and room for a start. */
const GROWTH_MIB_MAX = 256;

const residentMib = ({ pid }: Service): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

test.each([
  ['8 connections ask for 1,000 descriptions each', 8, 1_000, '/openapi.json'],
  ['100 connections ask for 30 descriptions each', 100, 30, '/openapi.json'],
  ['100 connections ask for 30 lists of 10,000 numbers each', 100, 30, '/api/numbers/A?count=10000'],
])('%s and read nothing: memory stays within its bound, and others are answered', async (_what, many, each, path) => {
  await using service = await startService();
  const registered = await fetch(`${service.url}/api/prefix-configs/A`, {
    ...{ method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"format":"A-{year}-{SEQ:20}"}' },
  });
  expect(registered.status).toBe(200);
  for (let round = 0; round < 3; round += 1) await (await fetch(`${service.url}${path}`)).text();
  const before = residentMib(service);
  const request = `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(each);
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let index = 0; index < many; index += 1) {
    const socket = connect(service.port, '127.0.0.1');
    socket.on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write(request);
  }
  let peak = 0;
  for (let look = 0; look < 20; look += 1) {
    const probe = await fetch(`${service.url}/livez`);
    expect(probe.status).toBe(200);
    await probe.text();
    peak = Math.max(peak, residentMib(service));
    await delay(100);
  }
  console.log(`resident ${Math.round(before)} MiB before, ${Math.round(peak)} MiB at most`);
  expect(peak - before).toBeLessThan(GROWTH_MIB_MAX);
});
