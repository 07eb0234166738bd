/** An issuer of tokens as companies run one: it signs with keys of its own and shows the public halves over HTTP. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

export interface SigningKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export const createSigningKey = async (alg: string, kid: string): Promise<SigningKey> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
};

/** A token signed with the key, under a header that may say anything. */
export const signToken = (key: SigningKey, claims: JWTPayload, header: object = {}): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header }).sign(key.privateKey);

export interface TokenIssuer {
  /** Where it shows its keys. */
  readonly url: string;
  /** How often it was asked. */
  readonly asked: () => number;
  /** What it answers from now on; by default the keys. */
  answer(handler: (request: IncomingMessage, response: ServerResponse) => void): void;
  /** Shows these keys from now on. */
  show(...keys: SigningKey[]): void;
  close(): Promise<void>;
}

export const startTokenIssuer = async (...keys: SigningKey[]): Promise<TokenIssuer> => {
  let asked = 0;
  let handler: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const show: TokenIssuer['show'] = (...shown) => {
    const text = JSON.stringify({ keys: shown.map(({ publicJwk }) => publicJwk) });
    handler = (_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(text);
    };
  };
  show(...keys);
  const server = createServer((request, response) => {
    asked += 1;
    // No connection is kept that the app would have to close.
    response.setHeader('connection', 'close');
    handler(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    asked: () => asked,
    answer: (next) => {
      handler = next;
    },
    show,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
};
