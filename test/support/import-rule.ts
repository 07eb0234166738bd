/**
 * The laws of docs/ARCHITECTURE.md that a parser can check: the direction of imports, where the environment is read,
 * how a file opens.
 */
import { posix } from 'node:path';
import { parseSync } from 'oxc-parser';

export interface SourceFile {
  /** From the folder of the project, with slashes: `src/core/values/range.ts`. */
  readonly path: string;
  readonly text: string;
}

/** Which floors a floor may import besides itself. `stores/…` is one room per technology: they do not know each other. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  main: ['app', 'commands', 'access', 'config', 'telemetry', 'core', 'lib'],
  app: ['http', 'grpc', 'access', 'services', 'allocators', 'stores', 'config', 'telemetry', 'core', 'lib'],
  commands: ['access', 'services', 'stores', 'config', 'core', 'lib'],
  http: ['access', 'services', 'core', 'lib'],
  grpc: ['access', 'services', 'core', 'lib'],
  access: ['services', 'core', 'lib'],
  services: ['allocators', 'core', 'lib'],
  allocators: ['core', 'lib'],
  stores: ['core', 'lib'],
  config: ['core', 'lib'],
  telemetry: ['core', 'lib'],
  core: [],
  lib: [],
};

const CORE_PACKAGES = ['zod', 'temporal-polyfill'];

/** Each technology is wrapped in its own room (app and main tie the rooms together and are free). */
const HOMES: readonly { readonly packages: RegExp; readonly rooms: readonly string[] }[] = [
  { packages: /^(?:pino|pino-.*|prom-client)$/, rooms: ['telemetry', 'http', 'grpc'] },
  { packages: /^(?:fastify|fastify-.*|@fastify\/.*)$/, rooms: ['http'] },
  { packages: /^(?:jose|fast-jwt)$/, rooms: ['access'] },
  { packages: /^(?:ioredis|redis)$/, rooms: ['stores/redis'] },
  { packages: /^node:sqlite$/, rooms: ['stores/sqlite'] },
  { packages: /^pg(?:-.*)?$/, rooms: ['stores/postgres'] },
  { packages: /^@opentelemetry\/.*$/, rooms: ['telemetry'] },
  { packages: /^@grpc\/.*$/, rooms: ['grpc'] },
];

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

const walk = (value: unknown, visit: (node: Node) => void): void => {
  if (Array.isArray(value)) for (const item of value) walk(item, visit);
  if (!isNode(value)) return;
  visit(value);
  for (const child of Object.values(value)) walk(child, visit);
};

const IMPORTS = new Set([
  'ImportDeclaration',
  'ExportAllDeclaration',
  'ExportNamedDeclaration',
  'ImportExpression',
  'TSImportType',
  'TSExternalModuleReference',
]);

/** The specifier of an import of any kind (also `import type`, `export … from`, `import()`); `null` when only the run would know it. */
const specifierOf = (node: Node): string | null | undefined => {
  const source = node['source'] ?? node['expression'];
  if (!IMPORTS.has(node.type) || !isNode(source)) return undefined;
  return source.type === 'Literal' && typeof source['value'] === 'string' ? source['value'] : null;
};

const nameOf = (node: unknown): string | undefined => {
  if (!isNode(node)) return undefined;
  if (node.type === 'Identifier') return String(node['name']);
  if (node.type === 'Literal') return String(node['value']);
  return node.type === 'MemberExpression' ? nameOf(node['property']) : undefined;
};

const namesKey = (pattern: unknown, key: string): boolean =>
  isNode(pattern) &&
  pattern.type === 'ObjectPattern' &&
  (pattern['properties'] as Node[]).some((property) => nameOf(property['key']) === key);

const readsEnvironment = (node: Node): boolean => {
  if (node.type === 'MemberExpression')
    return nameOf(node['object']) === 'process' && nameOf(node['property']) === 'env';
  if (node.type === 'VariableDeclarator') return nameOf(node['init']) === 'process' && namesKey(node['id'], 'env');
  if (node.type !== 'ImportSpecifier') return false;
  return nameOf(node['imported']) === 'env';
};

/** Time and chance come into core through its ports. */
const readsClockOrChance = (node: Node): boolean => {
  if (node.type === 'NewExpression') {
    return nameOf(node['callee']) === 'Date' && (node['arguments'] as unknown[]).length === 0;
  }
  if (node.type !== 'MemberExpression') return false;
  const name = `${nameOf(node['object'])}.${nameOf(node['property'])}`;
  return ['Date.now', 'performance.now', 'Math.random', 'Temporal.Now', 'process.hrtime'].includes(name);
};

/** `src/core/values/range.ts` → `core`; `src/stores/redis/lua/reserve.lua` → `stores/redis`; `src/app.ts` → `app`. */
const roomOf = (path: string): string => {
  const [, first = '', second = ''] = path.split('/');
  if (first === 'stores') return `stores/${second}`;
  return first.replace(/\.ts$/, '');
};

const floorOf = (room: string): string => room.split('/')[0] ?? room;

const checkOwnImport = (path: string, specifier: string, paths: ReadonlySet<string>): string | undefined => {
  const target = posix.join(posix.dirname(path), specifier);
  if (!paths.has(target)) return `imports ${specifier}, which is no file of src`;
  const [from, to] = [roomOf(path), roomOf(target)];
  if (from === to || MAY_IMPORT[floorOf(from)]?.includes(floorOf(to))) {
    if (from === to || floorOf(from) !== floorOf(to)) return undefined;
  }
  return `${from} may not import ${to} (${specifier})`;
};

const checkPackageImport = (path: string, specifier: string): string | undefined => {
  const room = roomOf(path);
  const packageName = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
  if (room === 'core' && !CORE_PACKAGES.includes(packageName)) return `core may not import ${specifier}`;
  if (room === 'app' || room === 'main') return undefined;
  const home = HOMES.find(({ packages }) => packages.test(packageName));
  return home === undefined || home.rooms.includes(room) ? undefined : `${room} may not import ${specifier}`;
};

const checkImport = (path: string, specifier: string | null, paths: ReadonlySet<string>): string | undefined => {
  if (specifier === null) return 'imports something that only the run would know';
  if (specifier.startsWith('.')) return checkOwnImport(path, specifier, paths);
  return checkPackageImport(path, specifier);
};

const HEADERS: readonly { readonly path: RegExp; readonly header: RegExp; readonly asked: string }[] = [
  {
    path: /\.ts$/,
    header: /^(?:#!.*\n)?\/\*\* *(?:\n \* *)?[A-Z`][^\n]* [^\n]*[\s\S]*?\*\//,
    asked: '/** One sentence. */',
  },
  // A file in a folder beside a script is a part of it, put in at an `@include` line.
  {
    path: /\/lua\/[^/]+\/[^/]+\.lua$/,
    header: /^-- Part of \w[^\n]+/,
    asked: '-- Part of, and a line that says what it is for',
  },
  {
    path: /\/lua\/[^/]+\.lua$/,
    header: /^#!lua[^\n]*\n-- *\w+ [^\n]+/,
    asked: '#!lua and a line -- that says what it is for',
  },
  { path: /\.sql$/, header: /^-- *\w+ [^\n]+/, asked: '-- what it is for' },
];

const checkHeader = ({ path, text }: SourceFile): string | undefined => {
  const rule = HEADERS.find((candidate) => candidate.path.test(path));
  return rule === undefined || rule.header.test(text) ? undefined : `opens without its header: ${rule.asked}`;
};

const checkName = (path: string): string | undefined => {
  const name = posix.basename(path);
  if (/^index\./.test(name)) return 'is a barrel';
  return /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+)+$/.test(name) ? undefined : 'is not named in kebab-case';
};

const isBarrel = (body: readonly Node[]): boolean =>
  body.length > 0 && body.every(({ type, source }) => /^Export(?:All|Named)Declaration$/.test(type) && isNode(source));

/**
 * Where `this` cannot be lost: methods of a request's logger are made by getters and may be handed on, as a test of its own
 * says; pino calls its hook with the logger, which the hook needs.
 */
const READS_ITSELF = ['src/http/request-logger.ts', 'src/telemetry/logs/logger.ts'];

/** Errors are classes, for `instanceof`; nothing else is, nor has a `this`: a method that is handed on would lose it. */
const losesItself = (body: readonly Node[]): string[] => {
  const found: string[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    if (!isNode(value)) return;
    const isClass = value.type === 'ClassDeclaration' || value.type === 'ClassExpression';
    if (isClass && /Error$/.test(nameOf(value['superClass']) ?? '')) return;
    if (isClass) found.push('declares a class that is no error');
    if (value.type === 'ThisExpression') found.push('uses this, which a function that is handed on has lost');
    for (const child of Object.values(value)) visit(child);
  };
  visit(body);
  return found;
};

/** The machine of the counter, and the records and functions of the other strategies. */
const PURE = new RegExp(
  `^src/allocators/(?:${[
    'counter/machine/.*',
    'gapless/(?:waiting-line|mark-book|take-outcome|latest-standings)',
    'segment/segment-(?:leases|queue|size)',
    'snowflake/(?:held-worker|next-ids)',
  ].join('|')})\\.ts$`,
);

/** Whether a file only decides. */
export const isPure = (path: string): boolean => PURE.test(path);

/** What acts, and therefore has no place in a file that only decides. */
const ACTS = new Set([
  ...['Promise', 'Date', 'performance', 'process', 'fetch', 'console', 'queueMicrotask', 'structuredClone'],
  ...['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'],
]);

/** Records and functions: they wait for nothing, read no clock, and have no `this` to lose. */
const actOf = (node: Node): string | undefined => {
  if (node.type === 'Identifier' && ACTS.has(String(node['name']))) return `uses ${node['name']}`;
  if (node.type === 'AwaitExpression' || node['async'] === true) return 'waits';
  if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') return 'has a class';
  if (node.type === 'ThisExpression') return 'has a this';
  return readsClockOrChance(node) ? 'reads a clock or chance' : undefined;
};

/** The phase of a sequence is written where its table is, and nowhere else. */
const writesPhase = ({ type, left }: Node): boolean => {
  if (type !== 'AssignmentExpression' || !isNode(left)) return false;
  return left.type === 'MemberExpression' && nameOf(left['property']) === 'phase';
};

const PHASES_FILE = /\/machine\/sequence\.ts$/;

const checkPure = (path: string, node: Node): string | undefined => {
  if (!isPure(path)) return undefined;
  const act = actOf(node);
  if (act !== undefined) return `${act}, where it may only decide`;
  return writesPhase(node) && !PHASES_FILE.test(path) ? 'writes a phase, beside the table of phases' : undefined;
};

/** Below the services nobody knows which store it is that keeps something; each store says so itself. */
const namesTechnology = ({ path, text }: SourceFile): string[] =>
  path.startsWith('src/allocators/') && /postgres|redis|sqlite/i.test(text.replaceAll(/^import .*$/gm, ''))
    ? ['names a technology, which is for the stores and for the texts of errors']
    : [];

const checkCode = ({ path, text }: SourceFile, paths: ReadonlySet<string>): string[] => {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) return [`cannot be parsed: ${errors[0]?.message}`];
  const body = program.body as unknown as Node[];
  const found = [...(isBarrel(body) ? ['is a barrel'] : []), ...(READS_ITSELF.includes(path) ? [] : losesItself(body))];
  walk(program, (node) => {
    const specifier = specifierOf(node);
    const fault = specifier === undefined ? undefined : checkImport(path, specifier, paths);
    if (fault !== undefined) found.push(fault);
    if (path !== 'src/main.ts' && readsEnvironment(node)) found.push('reads process.env, which is for main.ts alone');
    if (roomOf(path) === 'core' && readsClockOrChance(node)) found.push('reads a clock or chance in core');
    const act = checkPure(path, node);
    if (act !== undefined) found.push(act);
  });
  return found;
};

/** Groups of names that reach each other: each is one circle, or several that touch. */
const findCircles = (edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] => {
  const circles: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const path: string[] = [];
  const visit = (name: string): void => {
    order.set(name, order.size);
    lowest.set(name, order.size - 1);
    path.push(name);
    for (const next of edges.get(name) ?? []) {
      if (!order.has(next)) visit(next);
      if (path.includes(next)) lowest.set(name, Math.min(lowest.get(name) ?? 0, lowest.get(next) ?? 0));
    }
    if (lowest.get(name) !== order.get(name)) return;
    const group = path.splice(path.indexOf(name));
    if (group.length > 1) circles.push(group.sort());
  };
  for (const name of edges.keys()) if (!order.has(name)) visit(name);
  return circles;
};

/** What imports what, types included, among the files or, by `placeOf`, their folders. */
const importsAmong = (
  files: readonly SourceFile[],
  placeOf: (path: string) => string,
): ReadonlyMap<string, ReadonlySet<string>> => {
  const edges = new Map<string, Set<string>>();
  for (const { path, text } of files.filter((file) => file.path.endsWith('.ts'))) {
    const targets = edges.get(placeOf(path)) ?? new Set<string>();
    edges.set(placeOf(path), targets);
    walk(parseSync(path, text).program, (node) => {
      const specifier = specifierOf(node);
      if (!specifier?.startsWith('.')) return;
      const target = placeOf(posix.join(posix.dirname(path), specifier));
      if (target !== placeOf(path)) targets.add(target);
    });
  }
  return edges;
};

/** Circles of files, and of the folders they lie in. */
const checkCircles = (files: readonly SourceFile[]): string[] => [
  ...findCircles(importsAmong(files, (path) => path)).map(
    (group) => `${group.join(', ')}: import each other in a circle`,
  ),
  ...findCircles(importsAmong(files, posix.dirname)).map((group) => `${group.join(', ')}: folders in a circle`),
];

/**
 * Every breach of the laws in these files, as `path: what is wrong`; none when the list is empty.
 * Imports are resolved among the files given.
 */
export const findBreaches = (files: readonly SourceFile[]): string[] => {
  const paths = new Set(files.map(({ path }) => path));
  const breaches = files.flatMap((file) => {
    const code = file.path.endsWith('.ts') ? checkCode(file, paths) : [];
    const faults = [checkName(file.path), checkHeader(file), ...namesTechnology(file), ...code];
    return faults.flatMap((fault) => (fault === undefined ? [] : [`${file.path}: ${fault}`]));
  });
  return [...breaches, ...checkCircles(files)];
};
