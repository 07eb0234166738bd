/** A real Prometheus beside the service: it scrapes every second, evaluates the rules of monitoring/, and is asked like any other. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { startGuardedProcess } from './guarded-process.ts';
import { findFreePort, findOnPath } from './redis.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const INSTALL_TOOL = join(ROOT, '.ci/install-tool');
const INSTALL_TIMEOUT_MS = 300_000;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

export const RULES_FILE = join(ROOT, 'monitoring/prometheus/rules/number-generator.yml');
export const CONFIG_FILE = join(ROOT, 'monitoring/prometheus/prometheus.yml');
export const RULE_TESTS_FILE = join(ROOT, 'monitoring/prometheus/tests/number-generator.test.yml');

/** One series of an answer, as of the moment of the question. */
export interface PrometheusSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus {
  readonly url: string;
  /** Scrapes these addresses, `host:port`, from now on (within a second or two). */
  watch(...targets: string[]): void;
  /** Takes an address off the list of targets, as a service discovery does when a node is gone. */
  unwatch(target: string): void;
  /** @throws with Prometheus' words when it cannot evaluate the expression. */
  query(expression: string): Promise<readonly PrometheusSample[]>;
  /** The names of the alerts that fire now. */
  firing(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const binaryOf = async (name: 'prometheus' | 'promtool'): Promise<string> => {
  if (findOnPath(name) === undefined) await run(INSTALL_TOOL, ['prometheus'], { timeout: INSTALL_TIMEOUT_MS });
  const path = findOnPath(name);
  if (path === undefined)
    throw new Error(`The tests need ${name}: install Prometheus (Debian, Ubuntu: apt-get install prometheus).`);
  return path;
};

/** What promtool says, on either stream; `ok` is its exit code 0. */
export const runPromtool = async (...args: string[]): Promise<{ ok: boolean; output: string }> => {
  const tool = await binaryOf('promtool');
  return run(tool, args).then(
    ({ stdout, stderr }) => ({ ok: true, output: stdout + stderr }),
    ({ stdout = '', stderr = '' }) => ({ ok: false, output: stdout + stderr }),
  );
};

/** What promtool says of a text that Prometheus would scrape; `ok` when it has nothing to say. */
export const checkMetricsText = async (text: string): Promise<{ ok: boolean; output: string }> => {
  const tool = await binaryOf('promtool');
  const child = execFile(tool, ['check', 'metrics']);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += String(data)));
  child.stdin?.end(text);
  const [code] = await once(child, 'close');
  return { ok: code === 0, output };
};

/**
 * The rules as they stand, but in a hurry: where they look back over minutes (`[5m]`), or wait for minutes (`for: 5m`), they do so for
 * 10 s and 1 s. Names, selectors and bounds are untouched.
 */
const hurried = (rules: string): string =>
  rules.replaceAll(/\[\d+m\]/g, '[10s]').replaceAll(/^( +for:) \d+[ms]$/gm, '$1 1s');

const configOf = (targetsFile: string, rulesFile: string): string =>
  stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [rulesFile],
    scrape_configs: [
      { job_name: 'number-generator', file_sd_configs: [{ files: [targetsFile], refresh_interval: '1s' }] },
    ],
  });

export const startPrometheus = async (): Promise<Prometheus> => {
  const command = await binaryOf('prometheus');
  const dir = mkdtempSync(join(tmpdir(), 'test-prometheus-'));
  const targetsFile = join(dir, 'targets.json');
  const targets = new Set<string>();
  const write = (): void => writeFileSync(targetsFile, JSON.stringify([{ targets: [...targets] }]));
  write();
  writeFileSync(join(dir, 'rules.yml'), hurried(readFileSync(RULES_FILE, 'utf8')));
  writeFileSync(join(dir, 'prometheus.yml'), configOf(targetsFile, join(dir, 'rules.yml')));
  const port = await findFreePort();
  const output: string[] = [];
  const { promise: ready, resolve } = Promise.withResolvers<'ready'>();
  const args = [
    `--config.file=${join(dir, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const server = await startGuardedProcess(command, args, {
    env: { PATH: '/usr/bin:/bin' },
    cwd: dir,
    orphanDir: dir,
    onLine: (line) => {
      output.push(line);
      if (line.includes('Server is ready to receive web requests')) resolve('ready');
    },
  });
  const timer = setTimeout(() => server.signal('SIGKILL'), START_TIMEOUT_MS);
  const outcome = await Promise.race([ready, server.exited]);
  clearTimeout(timer);
  if (outcome !== 'ready') throw new Error(`Prometheus did not start:\n${output.join('\n')}`);
  const url = `http://127.0.0.1:${port}`;

  const query = async (expression: string): Promise<PrometheusSample[]> => {
    const reply = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expression })}`);
    // biome-ignore lint/suspicious/noExplicitAny: Prometheus' own words, read field by field
    const { status, error, data } = (await reply.json()) as any;
    if (status !== 'success') throw new Error(`${expression}: ${error}`);
    return data.result.map(({ metric, value }: { metric: Record<string, string>; value: [number, string] }) => ({
      labels: metric,
      value: Number(value[1]),
    }));
  };

  return {
    url,
    watch: (...more) => {
      for (const target of more) targets.add(target);
      write();
    },
    unwatch: (target) => {
      targets.delete(target);
      write();
    },
    query,
    firing: async () => (await query('ALERTS{alertstate="firing"}')).map(({ labels }) => labels['alertname'] ?? ''),
    close: async () => {
      await server.end(STOP_TIMEOUT_MS);
      rmSync(dir, { recursive: true, force: true });
    },
  };
};
