/** The alert rules by themselves: promtool takes them, each is tested both ways, each says what to do. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { figureOf, readRules } from '../support/monitoring-expressions.ts';
import { CONFIG_FILE, RULE_TESTS_FILE, RULES_FILE, runPromtool } from '../support/prometheus.ts';

const ROOT = join(import.meta.dirname, '../..');
const alerts = readRules().filter(({ alert }) => alert !== undefined);

/** As GitHub makes them. */
const anchorsOf = (markdown: string): string[] =>
  [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

describe('promtool', () => {
  test('takes the rules and the configuration', async () => {
    expect(await runPromtool('check', 'rules', RULES_FILE)).toMatchObject({ ok: true });
    expect(await runPromtool('check', 'config', CONFIG_FILE)).toMatchObject({ ok: true });
  });

  test('finds that each alert fires for its reason, and stays silent without it', async () => {
    const { ok, output } = await runPromtool('test', 'rules', RULE_TESTS_FILE);
    expect(output).toContain('SUCCESS');
    expect(ok).toBe(true);
  });
});

describe('each alert', () => {
  const cases: { name: string; alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[] = parse(
    readFileSync(RULE_TESTS_FILE, 'utf8'),
  ).tests;

  test.each(alerts.map((rule) => [rule.alert ?? '', rule] as const))(
    '%s compares a figure with a bound, and says what to do',
    (_name, rule) => {
      expect(figureOf(rule)).not.toBe('');
      expect(rule.labels?.['severity']).toMatch(/^(critical|warning)$/);
      for (const text of ['summary', 'description']) expect(rule.annotations?.[text]?.length).toBeGreaterThan(15);
      const [file = '', anchor = ''] = rule.annotations?.['runbook_url']?.split('#') ?? [];
      expect(anchorsOf(readFileSync(join(ROOT, file), 'utf8'))).toContain(anchor);
    },
  );

  test.each(alerts.map(({ alert }) => alert))(
    '%s has a case in which it fires, and one in which it does not',
    (alert) => {
      const expected = cases.flatMap(({ alert_rule_test: tests }) =>
        tests.filter(({ alertname }) => alertname === alert).map(({ exp_alerts: found }) => found.length > 0),
      );
      expect(expected).toContain(true);
      expect(expected).toContain(false);
    },
  );
});
