/** The certificate and key of a TLS server, read from the files an operator names. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** The authority of the clients' certificates; undefined: clients need none. */
  readonly clientCaFile: string | undefined;
}

export interface TlsOptions {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Undefined: clients need no certificate. */
  readonly clientCa: Buffer | undefined;
}

/** @throws Error with a sentence for the operator when a file cannot be read, or key and certificate do not belong together. */
export const readTlsFiles = ({ certFile, keyFile, clientCaFile }: TlsFiles): TlsOptions => {
  try {
    const [cert, key] = [readFileSync(certFile), readFileSync(keyFile)];
    const clientCa = clientCaFile === undefined ? undefined : readFileSync(clientCaFile);
    createSecureContext({ cert, key, ca: clientCa });
    return { cert, key, clientCa };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The files of TLS_CERT_FILE, TLS_KEY_FILE or TLS_CLIENT_CA_FILE cannot be used: ${reason}`, {
      cause: error,
    });
  }
};
