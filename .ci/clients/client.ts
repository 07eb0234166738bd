/** Registers a prefix and takes a number, with the types that openapi-typescript generated. */
import type { components, operations } from './api.ts';

type Written = operations['registerPrefix']['responses'][200]['content']['application/json'];
type Issued = operations['takeNumber']['responses'][200]['content']['application/json'];

const { BASE_URL, TOKEN } = process.env;
const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };

const config: components['schemas']['PrefixConfigRequest'] = { format: 'TS-{SEQ:6}', strategy: 'counter' };
const registered = await fetch(`${BASE_URL}/api/prefix-configs/TS`, {
  method: 'PUT',
  headers,
  body: JSON.stringify(config),
});
const written = (await registered.json()) as Written;
if (written.status !== 'registered') throw new Error(`Not registered: ${JSON.stringify(written)}`);

const query: operations['takeNumber']['parameters']['query'] = { prefixKey: 'TS', count: 2 };
const taken = await fetch(`${BASE_URL}/api/numbers?prefixKey=${query.prefixKey}&count=${query.count}`, { headers });
const { numbers } = (await taken.json()) as Issued;
if (numbers?.join() !== 'TS-000001,TS-000002') throw new Error(`Not these numbers: ${numbers}`);
