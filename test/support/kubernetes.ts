/** The manifests of k8s/ as Kubernetes would get them, and what its schemas say of them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { obtainCiTool } from './ci-tool.ts';
import { findOnPath } from './redis.ts';

const run = promisify(execFile);
const RUN_TIMEOUT_MS = 60_000;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  // Kubernetes' own schemas judge the rest; the tests read single fields of it.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly [field: string]: any;
}

export interface Rendered {
  readonly yaml: string;
  readonly manifests: readonly Manifest[];
}

/** kubectl brings kustomize along; otherwise kustomize itself. */
const kustomize = async (): Promise<readonly [string, string]> => {
  const kubectl = findOnPath('kubectl');
  return kubectl === undefined ? [await obtainCiTool('kustomize'), 'build'] : [kubectl, 'kustomize'];
};

/** What `kubectl apply --kustomize` would send. @throws with kustomize's words when it cannot be built. */
export const renderOverlay = async (directory: string): Promise<Rendered> => {
  const { stdout } = await run(...(await kustomize().then(([path, verb]) => [path, [verb, directory]] as const)), {
    timeout: RUN_TIMEOUT_MS,
  });
  return { yaml: stdout, manifests: parseAllDocuments(stdout).map((document) => document.toJS() as Manifest) };
};

interface Failure {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Every complaint of Kubernetes' schemas of that version, unknown fields included; one line each, none when all is well.
 * Kinds that Kubernetes itself does not know are not judged.
 */
export const findSchemaProblems = async (yaml: string, version: string): Promise<string[]> => {
  const validate = await obtainCiTool('kubernetes-validate');
  const directory = mkdtempSync(join(tmpdir(), 'test-manifests-'));
  const file = join(directory, 'manifests.yaml');
  writeFileSync(file, yaml);
  try {
    const args = ['--strict', '--quiet', '--no-warn', '--kubernetes-version', version, file];
    await run(validate, args, { timeout: RUN_TIMEOUT_MS });
    return [];
  } catch (error) {
    const { stdout = '', stderr = '' } = error as Partial<Failure>;
    const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.startsWith('ERROR'));
    if (lines.length === 0) throw error;
    return lines.map((line) => line.slice(line.indexOf('did not validate')));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
};
