/** The manifests of k8s/: what Kubernetes' schemas and the settings' schema say, that a typo is found, and that the parts fit. */
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { environmentOfManifests, findSettingProblems, readEnvironmentFile } from '../support/deployed-settings.ts';
import { findSchemaProblems, type Manifest, type Rendered, renderOverlay } from '../support/kubernetes.ts';
import { readRuleGroups } from '../support/monitoring-expressions.ts';

const K8S = join(import.meta.dirname, '../../k8s');
const OVERLAYS = ['trial', 'production', 'canary'] as const;
type Overlay = (typeof OVERLAYS)[number];
/** The oldest version in which all that is used is stable, and the newest there are schemas of. */
const VERSIONS = ['1.34', '1.37'];
const EXAMPLE = readEnvironmentFile(readFileSync(join(K8S, 'overlays/production/secret.env.example'), 'utf8'));
const SECRET = { ...EXAMPLE, JWT_SECRET: randomBytes(48).toString('base64') };

const rendered = {} as Record<Overlay, Rendered>;
const scratch = mkdtempSync(join(tmpdir(), 'test-k8s-'));

const find = (overlay: Overlay, kind: string, name?: string): Manifest => {
  const matches = rendered[overlay].manifests.filter(
    (manifest) => manifest.kind === kind && (name === undefined || manifest.metadata.name === name),
  );
  const [found] = matches;
  if (found === undefined) throw new Error(`${overlay} has no ${kind} ${name ?? ''}`);
  return found;
};

const settingsOf = (overlay: Overlay, { manifests } = rendered[overlay]) =>
  environmentOfManifests(manifests, overlay === 'trial' ? undefined : SECRET);

/** The overlay with one word of one file of k8s/ replaced. */
const renderWithTypo = async (overlay: Overlay, file: string, right: string, wrong: string): Promise<Rendered> => {
  const copy = join(scratch, `${overlay}-${wrong.replaceAll(/\W/g, '')}`);
  cpSync(K8S, copy, { recursive: true });
  const text = readFileSync(join(copy, file), 'utf8');
  expect(text).toContain(right);
  writeFileSync(join(copy, file), text.replace(right, wrong));
  return renderOverlay(join(copy, 'overlays', overlay));
};

beforeAll(async () => {
  for (const overlay of OVERLAYS) rendered[overlay] = await renderOverlay(join(K8S, 'overlays', overlay));
}, 600_000);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe("Kubernetes' schemas", () => {
  test.each(VERSIONS)('accept every overlay, strictly, in version %s', async (version) => {
    const all = OVERLAYS.map((overlay) => rendered[overlay].yaml).join('\n---\n');
    expect(await findSchemaProblems(all, version)).toEqual([]);
  });

  test.each([
    ['a misspelt field', 'base/deployment.yaml', 'readinessProbe:', 'readinesProbe:', 'readinesProbe'],
    ['a word for a number', 'base/deployment.yaml', 'minReadySeconds: 5', 'minReadySeconds: five', "'five'"],
    ['a field of another kind', 'base/service.yaml', 'targetPort:', 'containerPort:', 'containerPort'],
    ['a misspelt metric', 'base/horizontal-pod-autoscaler.yaml', 'averageValue:', 'avarageValue:', 'avarageValue'],
  ])('refuse %s', async (_case, file, right, wrong, said) => {
    const { yaml } = await renderWithTypo('production', file, right, wrong);
    const problems = await findSchemaProblems(yaml, '1.34');
    expect(problems.join('\n')).toContain(said);
  });

  test('do not know the ServiceMonitor of the Prometheus operator; every field of ours is one of its own', () => {
    const serviceMonitor = z.strictObject({
      apiVersion: z.literal('monitoring.coreos.com/v1'),
      kind: z.literal('ServiceMonitor'),
      metadata: z.object({ name: z.string() }),
      spec: z.strictObject({
        selector: z.strictObject({ matchLabels: z.record(z.string(), z.string()) }),
        endpoints: z.array(z.strictObject({ port: z.string(), path: z.string(), interval: z.string() })),
      }),
    });
    expect(serviceMonitor.safeParse(find('production', 'ServiceMonitor')).error).toBeUndefined();
  });
});

describe('the monitoring', () => {
  test('of production has the very alerts of monitoring/prometheus/rules', () => {
    const { apiVersion, spec } = find('production', 'PrometheusRule') as Manifest & { spec: unknown };
    expect(apiVersion).toBe('monitoring.coreos.com/v1');
    expect(spec).toEqual({ groups: readRuleGroups() });
  });

  test('of production asks the port on which the service shows its metrics, and may reach it', () => {
    const specOf = (kind: string) => find('production', kind)['spec'];
    const [{ port: portName }] = specOf('ServiceMonitor').endpoints;
    const { targetPort } = specOf('Service').ports.find(({ name }: { name: string }) => name === portName);
    const { ports } = specOf('Deployment').template.spec.containers[0];
    const { containerPort } = ports.find(({ name }: { name: string }) => name === targetPort);
    expect(`${containerPort}`).toBe(settingsOf('production')['METRICS_PORT']);
    const allowed = specOf('NetworkPolicy').ingress.flatMap(({ ports: open }: { ports: unknown[] }) => open);
    expect(allowed).toContainEqual({ port: targetPort });
  });

  test.each(['trial', 'canary'] as const)(
    'of %s is left to production, or to nobody: it asks for no kinds of the operator',
    (overlay) => {
      const kinds = rendered[overlay].manifests.map(({ apiVersion }) => apiVersion);
      expect(kinds).not.toContain('monitoring.coreos.com/v1');
    },
  );
});

describe('the settings', () => {
  test.each(OVERLAYS)('of %s are all known to the service, and it would start with them', (overlay) => {
    expect(findSettingProblems(settingsOf(overlay))).toEqual([]);
    expect(Object.keys(settingsOf(overlay))).toEqual(expect.arrayContaining(['NODE_ENV', 'JWT_SECRET', 'REDIS_URL']));
  });

  test.each([
    ['a misspelt name', 'SHUTDOWN_DRAIN_MS=', 'SHUTDOWN_DRIAN_MS=', ['SHUTDOWN_DRIAN_MS: no such setting']],
    ['a wrong value', 'LOG_LEVEL=info', 'LOG_LEVEL=verbose', [expect.stringMatching(/^LOG_LEVEL: /)]],
  ])('with %s are refused', async (_case, right, wrong, problems) => {
    const broken = await renderWithTypo('production', 'base/kustomization.yaml', right, wrong);
    expect(findSettingProblems(settingsOf('production', broken))).toEqual(problems);
  });

  test('of production are refused while the secret is the one of the example', () => {
    expect(findSettingProblems({ ...settingsOf('production'), ...EXAMPLE })).toEqual([
      expect.stringMatching(/^JWT_SECRET: Looks like an example/),
    ]);
  });

  test('of production and canary are the same: they count on the same stores', () => {
    expect(settingsOf('canary')).toEqual(settingsOf('production'));
  });
});

describe('the parts fit together', () => {
  test.each(OVERLAYS)('%s: the pod is given longer to end than preStop and SHUTDOWN_TIMEOUT_MS take', (overlay) => {
    const { spec } = find(overlay, 'Deployment')['spec'].template;
    const preStopMs = spec.containers[0].lifecycle.preStop.sleep.seconds * 1_000;
    const timeoutMs = Number(settingsOf(overlay)['SHUTDOWN_TIMEOUT_MS']);
    expect(spec.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(preStopMs + timeoutMs);
  });

  test.each(OVERLAYS)('%s: no container is root, can become it, or writes to its root file system', (overlay) => {
    const workloads = rendered[overlay].manifests.filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind));
    for (const { spec: workload } of workloads) {
      const { securityContext, containers } = workload.template.spec;
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      for (const container of containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources).toMatchObject({
          requests: { cpu: expect.any(String) },
          limits: { memory: expect.any(String) },
        });
      }
    }
  });

  test('neither service sends requests to the pods of the other track', () => {
    const matches = (selector: Record<string, string>, labels: Record<string, string>): boolean =>
      Object.entries(selector).every(([name, value]) => labels[name] === value);
    for (const from of ['production', 'canary'] as const) {
      const { selector } = find(from, 'Service')['spec'];
      for (const to of ['production', 'canary'] as const) {
        const { labels } = find(to, 'Deployment')['spec'].template.metadata;
        expect({ from, to, reached: matches(selector, labels) }).toEqual({ from, to, reached: from === to });
      }
    }
  });

  test('ingress and autoscaler point at what is there', () => {
    const [rule] = find('canary', 'Ingress')['spec'].rules;
    expect(rule.http.paths[0].backend.service.name).toBe(find('canary', 'Service').metadata.name);
    expect(find('production', 'HorizontalPodAutoscaler')['spec'].scaleTargetRef.name).toBe(
      find('production', 'Deployment').metadata.name,
    );
  });
});
