// Adds what `npm install` leaves out of package-lock.json when the registry does not serve the binaries of other
// platforms: `npm ci` refuses a lock file without them. Usage: node fill-lock.mjs package-lock.json
import { readFileSync, writeFileSync } from 'node:fs';

const path = process.argv[2];
const lock = JSON.parse(readFileSync(path, 'utf8'));
const OS = {
  darwin: 'darwin',
  linux: 'linux',
  win32: 'win32',
  android: 'android',
  freebsd: 'freebsd',
  openbsd: 'openbsd',
  netbsd: 'netbsd',
  sunos: 'sunos',
  aix: 'aix',
  openharmony: 'openharmony',
};
const CPU = ['x64', 'arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'wasm32'];
const added = [];
for (const [key, entry] of Object.entries(lock.packages)) {
  const optional = { ...entry.optionalDependencies };
  for (const [peer, meta] of Object.entries(entry.peerDependenciesMeta ?? {})) if (meta.optional) delete optional[peer];
  for (const [name, range] of Object.entries(optional)) {
    const nested = `${key}/node_modules/${name}`;
    const top = `node_modules/${name}`;
    if (lock.packages[nested]?.version === range || lock.packages[top]?.version === range) continue;
    if (!/^\d/.test(range) && (lock.packages[nested] || lock.packages[top])) continue;
    const place = lock.packages[top] === undefined ? top : nested;
    if (!/^\d/.test(range)) {
      console.error(`not exact: ${key} -> ${name}@${range}`);
      continue;
    }
    const parts = name.replace(/^@[^/]+\//, '').split('-');
    const os = parts.map((p) => OS[p]).filter(Boolean);
    const cpu = parts.flatMap((p) => (p === 'arm' || p === 'armv7' ? ['arm'] : CPU.includes(p) ? [p] : []));
    const libc = parts.some((p) => p === 'musl' || p === 'musleabihf')
      ? ['musl']
      : parts.some((p) => p.startsWith('gnu')) && os[0] === 'linux'
        ? ['glibc']
        : undefined;
    lock.packages[place] = {
      version: range,
      ...(cpu.length && { cpu }),
      ...(entry.dev && { dev: true }),
      ...(libc && { libc }),
      optional: true,
      ...(os.length && { os }),
    };
    added.push(`${name}@${range} ${os}/${cpu}/${libc ?? ''}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.join('\n'));
