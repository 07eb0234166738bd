/** Certificates for tests, made by openssl: an authority, and what it signs. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Authority extends Certificate {
  /** A certificate for 127.0.0.1 and localhost, or for a client of this name. */
  issue(name: string): Certificate;
  /** Deletes the files. */
  close(): void;
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export const createAuthority = (name: string): Authority => {
  const dir = mkdtempSync(join(tmpdir(), 'test-certificates-'));
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const filesOf = (subject: string): Certificate => ({
    certFile: join(dir, `${subject}.crt`),
    keyFile: join(dir, `${subject}.key`),
  });
  const request = (subject: string): string[] => [
    'req',
    ...CURVE,
    '-subj',
    `/CN=${subject}`,
    '-keyout',
    `${subject}.key`,
  ];
  openssl(...request(name), '-x509', '-days', '2', '-out', `${name}.crt`);
  return {
    ...filesOf(name),
    issue: (subject) => {
      const names = ['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-addext', 'basicConstraints=CA:FALSE'];
      openssl(
        ...request(subject),
        '-x509',
        '-days',
        '2',
        ...names,
        '-CA',
        `${name}.crt`,
        '-CAkey',
        `${name}.key`,
        '-out',
        `${subject}.crt`,
      );
      return filesOf(subject);
    },
    close: () => rmSync(dir, { recursive: true }),
  };
};
