/** The table "Under attack" of docs/security.md: each attack is made on a live service, which stays within the limits that stand there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { strainOf } from '../support/attack-watch.ts';
import { ATTACKS, SECRET } from '../support/attacks.ts';
import { createAuthority } from '../support/certificates.ts';
import { startService } from '../support/service.ts';

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../docs/security.md'), 'utf8');
const [, section = ''] = /^## Under attack$(.*?)^## /ms.exec(DOCUMENT) ?? [];
/** A cell is what was measured, and what is allowed: `12 of 64`. */
const ROW = /^\| (.+?) \| ([\d,]+) of ([\d,]+) \| ([\d,]+) of ([\d,]+) \| ([\d,]+) of ([\d,]+) \|$/gm;
const numberOf = (text: string | undefined): number => Number(text?.replaceAll(',', ''));
const limits = new Map(
  [...section.matchAll(ROW)].map(([, name = '', , memory, , loop, , livez]) => [
    name,
    { memoryMib: numberOf(memory), loopMs: numberOf(loop), livezMs: numberOf(livez) },
  ]),
);

test('each attack has its limits in docs/security.md, and each limit its attack', () => {
  expect([...limits.keys()].toSorted()).toEqual(Object.keys(ATTACKS).toSorted());
});

test.each(Object.entries(ATTACKS))(
  '%s: memory, event loop and /livez stay within their limits',
  async (name, attack) => {
    using authority = new DisposableStack();
    const certificates = attack.isTls && authority.adopt(createAuthority('ca'), (made) => made.close());
    const { certFile, keyFile } = certificates?.issue('localhost') ?? {};
    await using service = await startService({
      env: {
        ...{ AUTH: 'on', JWT_SECRET: SECRET, METRICS_PORT: '0', ...attack.env },
        ...(certFile !== undefined && keyFile !== undefined && { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }),
      },
    });
    await attack.prepare?.(service);
    const strain = await strainOf(service, () => attack.run(service), attack.isTls);
    const [memoryMib, loopMs, livezMs] = [strain.memoryMib, strain.loopMs, strain.livezMs].map(Math.round);
    console.log(`${name}: memory +${memoryMib} MiB, event loop ${loopMs} ms, /livez ${livezMs} ms`);
    const limit = limits.get(name) ?? { memoryMib: 0, loopMs: 0, livezMs: 0 };
    for (const kind of ['memoryMib', 'loopMs', 'livezMs'] as const) {
      expect(strain[kind], kind).toBeLessThanOrEqual(limit[kind]);
    }
  },
);
