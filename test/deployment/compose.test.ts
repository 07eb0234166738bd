/** docker-compose.yml, the Dockerfile and monitoring/, as far as they can be judged without a Docker engine. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { environmentOfCompose, findSettingProblems } from '../support/deployed-settings.ts';
import { START_ARGS } from '../support/start-command.ts';

const ROOT = join(import.meta.dirname, '../..');
const COMPOSE = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
const DASHBOARDS = join(ROOT, 'monitoring/grafana/dashboards');

describe('docker-compose.yml', () => {
  test('gives the service settings that it knows and would start with', () => {
    expect(findSettingProblems(environmentOfCompose(COMPOSE, 'numbers'))).toEqual([]);
  });

  test.each([
    ['REDIS_URL:', 'REDIS_URI:', 'REDIS_URI: no such setting'],
    ['SHUTDOWN_DRAIN_MS: "2000"', 'SHUTDOWN_DRAIN_MS: "2s"', expect.stringMatching(/^SHUTDOWN_DRAIN_MS: /)],
  ])('with a typo is refused: %s → %s', (right, wrong, problem) => {
    expect(COMPOSE).toContain(right);
    expect(findSettingProblems(environmentOfCompose(COMPOSE.replace(right, wrong), 'numbers'))).toContainEqual(problem);
  });

  test('has Prometheus ask the port on which the service shows its metrics, and gives it the rules', () => {
    const { scrape_configs: jobs, rule_files: files } = parse(
      readFileSync(join(ROOT, 'monitoring/prometheus/prometheus.yml'), 'utf8'),
    );
    const [{ port }] = jobs.find(
      ({ job_name: name }: { job_name: string }) => name === 'number-generator',
    ).dns_sd_configs;
    expect(String(port)).toBe(environmentOfCompose(COMPOSE, 'numbers')['METRICS_PORT']);
    expect(parse(COMPOSE).services.prometheus.volumes).toContain('./monitoring/prometheus:/etc/prometheus:ro');
    expect(files).toEqual(['rules/*.yml']);
  });

  test('gives the service longer to stop than it takes itself', () => {
    const { stop_grace_period: period } = parse(COMPOSE).services.numbers;
    expect(Number(/^(\d+)s$/.exec(period)?.[1])).toBeGreaterThan(30);
  });
});

describe('the image', () => {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');

  test('starts what npm start starts, and its code was compiled with the same flags', () => {
    const entrypoint = JSON.parse(/^ENTRYPOINT (.+)$/m.exec(dockerfile)?.[1] ?? '[]');
    expect(entrypoint).toEqual(['node', ...START_ARGS]);
    expect(/FLAGS="([^"]+)"/.exec(dockerfile)?.[1]?.split(' ')).toEqual(START_ARGS.slice(0, -1));
  });
});

describe('the dashboards', () => {
  const files = readdirSync(DASHBOARDS);

  test('are there', () => {
    expect(files).not.toEqual([]);
  });

  test.each(files)('%s: every panel asks the provisioned data source something', (file) => {
    const dashboard = JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8'));
    const [{ uid }] = parse(
      readFileSync(join(ROOT, 'monitoring/grafana/provisioning/datasources/prometheus.yml'), 'utf8'),
    ).datasources;
    expect(dashboard).toMatchObject({ uid: expect.any(String), title: expect.any(String) });
    for (const panel of dashboard.panels) {
      expect(panel).toMatchObject({
        title: expect.any(String),
        datasource: { uid },
        gridPos: { h: expect.any(Number) },
      });
      expect(panel.targets.map(({ expr }: { expr: string }) => expr.length > 0)).not.toContain(false);
    }
  });
});
