/** What monitoring/ asks Prometheus: the expressions of the rules and of the dashboards. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { RULES_FILE } from './prometheus.ts';

const DASHBOARDS = join(import.meta.dirname, '../../monitoring/grafana/dashboards');

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const readRuleGroups = (): readonly { readonly name: string; readonly rules: readonly Rule[] }[] =>
  parse(readFileSync(RULES_FILE, 'utf8')).groups;

export const readRules = (): readonly Rule[] => readRuleGroups().flatMap(({ rules }) => rules);

/** An alert says `figure > bound`, or `<`. @throws when it does not. */
export const figureOf = ({ alert, expr }: Rule): string => {
  const [, figure] = /^(.+) [<>] [0-9.]+$/.exec(expr) ?? [];
  if (figure === undefined) throw new Error(`${alert} compares no figure with a bound: ${expr}`);
  return figure;
};

/** Each query of each panel; what Grafana would put in for its variable is put in. */
export const readDashboardQueries = (
  rateInterval: string,
): readonly { readonly panel: string; readonly expr: string }[] =>
  readdirSync(DASHBOARDS).flatMap((file) =>
    JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8')).panels.flatMap(
      ({ title, targets }: { title: string; targets: readonly { refId: string; expr: string }[] }) =>
        targets.map(({ refId, expr }) => ({
          panel: `${file}: ${title} (${refId})`,
          expr: expr.replaceAll('$__rate_interval', rateInterval),
        })),
    ),
  );
