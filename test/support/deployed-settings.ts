/** Which settings a deployment gives the service, and what the service would say to them. */
import { parse } from 'yaml';
import { readSettings, SETTING_NAMES } from '../../src/config/settings.ts';
import type { Manifest } from './kubernetes.ts';

export type Environment = Readonly<Record<string, string>>;

const namesOnly = new Set(SETTING_NAMES);

/** One line for each variable that is no setting, and for each that the service would refuse. */
export const findSettingProblems = (environment: Environment): string[] => {
  const unknown = Object.keys(environment).filter((name) => !namesOnly.has(name));
  const problems = unknown.map((name) => `${name}: no such setting`);
  try {
    readSettings(environment);
  } catch (error) {
    problems.push(
      ...String((error as Error).message)
        .split('\n')
        .slice(1)
        .map((line) => line.trim()),
    );
  }
  return problems;
};

/** The lines of an environment file: NAME=value, comments, empty lines. */
export const readEnvironmentFile = (text: string): Environment =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => /^[A-Z]/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

const decode = (data: Readonly<Record<string, string>> = {}): Environment =>
  Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, Buffer.from(value, 'base64').toString('utf8')]),
  );

interface EnvFrom {
  readonly configMapRef?: { readonly name: string };
  readonly secretRef?: { readonly name: string };
}

/**
 * What the service's container gets in this set of manifests.
 * @param secret stands for a secret that somebody makes by hand. @throws when a map it refers to is not there.
 */
export const environmentOfManifests = (manifests: readonly Manifest[], secret?: Environment): Environment => {
  const deployment = manifests.find(({ kind }) => kind === 'Deployment');
  const [container] = deployment?.['spec'].template.spec.containers ?? [];
  const find = (kind: string, name: string): Manifest => {
    const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
    if (found === undefined) throw new Error(`There is no ${kind} ${name}.`);
    return found;
  };
  const parts = ((container?.envFrom ?? []) as EnvFrom[]).map(({ configMapRef, secretRef }): Environment => {
    if (configMapRef !== undefined) return find('ConfigMap', configMapRef.name)['data'];
    return secret ?? decode(find('Secret', secretRef?.name ?? '')['data']);
  });
  const own = ((container?.env ?? []) as { name: string; value: string }[]).map(({ name, value }) => [name, value]);
  return Object.assign({}, ...parts, Object.fromEntries(own));
};

/** `${NAME:-default}` as Compose would fill it in without an environment. */
const fillIn = (value: string): string => value.replaceAll(/\$\{\w+(?::-(.*?))?\}/g, (_all, fallback = '') => fallback);

/** What the service gets in a Compose file where nothing else is set. */
export const environmentOfCompose = (text: string, service: string): Environment => {
  const file = parse(text) as { services: Record<string, { environment: Record<string, unknown> }> };
  const entries = Object.entries(file.services[service]?.environment ?? {});
  return Object.fromEntries(entries.map(([name, value]) => [name, fillIn(String(value))]));
};
