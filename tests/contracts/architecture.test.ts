/** The rules of the house: who may import whom, who may say what, and how long things may get. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cruise, type IConfiguration, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser';
import { describe, expect, it } from 'vitest';
import { nodesOf, root, type SourceFile, sourceFiles, ts, wordsOf } from '../support/source.ts';

const rules: IConfiguration = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as never;
const names = (rules.forbidden ?? []).map((rule: IForbiddenRuleType) => rule.name ?? '');
const fixtures = `${root}tests/fixtures/layers`;
const source = sourceFiles('src', 'source');
const floors = ['entry', 'coordinator', 'molecules', 'atoms', 'models', 'core', 'constants'] as const;

/** What the rules say of the house in that folder. */
async function judged(house: string): Promise<ICruiseResult> {
  const baseDir = `${fixtures}/${house}`;
  const folders = ['src', 'sandbox'].filter((name) => existsSync(`${baseDir}/${name}`));
  const { output } = await cruise(folders, { ...rules.options, ruleSet: { forbidden: rules.forbidden ?? [] }, validate: true, baseDir }, rules.options?.enhancedResolveOptions);
  if (typeof output === 'string') throw new TypeError(output);
  return output;
}

/** Every import that breaks the rule, as `from → to`. */
const broken = (result: ICruiseResult, rule: string): string[] => result.summary.violations.filter((one) => one.rule.name === rule).map((one) => `${one.from} → ${one.to}`);

describe('end-to-end tests', () => {
  it('that need the sandbox and its knobs stand in faults/: the others run against a real ComfyUI, too', () => {
    const folder = `${root}tests/e2e`;
    const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts'));
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((name) => /knobs|startTestSandbox|startSandbox/.test(readFileSync(`${folder}/${name}`, 'utf8')))).toEqual([]);
  });
});

describe('every rule about layers', () => {
  it('has a house that breaks it, and there is none without a rule', () => {
    const houses = readdirSync(fixtures, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    expect(houses.toSorted()).toEqual([...names, 'allowed'].toSorted());
  });

  it.each(names)('%s refuses every import of its house', async (rule) => {
    const result = await judged(rule);
    const refused = broken(result, rule);
    const culprits = new Set(refused.map((one) => one.split(' → ')[0]));
    const imports = result.modules.filter((module) => culprits.has(module.source)).flatMap((module) => module.dependencies.map((dependency) => `${module.source} → ${dependency.resolved}`));
    expect(imports.length).toBeGreaterThan(0);
    expect(refused.toSorted()).toEqual(imports.toSorted());
  });

  it('says what to do instead', () => {
    for (const rule of rules.forbidden ?? []) expect(rule.comment?.length, rule.name).toBeGreaterThan(20);
  });

  it('lets through what is allowed', async () => {
    expect((await judged('allowed')).summary.violations).toEqual([]);
  });
});

/** Words that a floor does not say in its code. */
const unspoken: Readonly<Record<(typeof floors)[number], readonly string[]>> = {
  entry: ['axios', 'sql', 'kysely', 'redis', 'fs', 'sqlite'],
  coordinator: ['express', 'ws', 'axios', 'kysely', 'sql', 'redis', 'fs', 'tsyringe', 'container', 'http', 'multipart'],
  molecules: ['express', 'tsyringe', 'container', 'route', 'routes', 'middleware', 'axios'],
  atoms: ['express', 'tsyringe', 'container', 'workflow', 'prompt', 'prompts', 'engine', 'comfyui', 'gateway', 'task'],
  models: ['express', 'axios', 'kysely', 'sql', 'fs', 'tsyringe'],
  core: ['express', 'axios', 'kysely', 'sql', 'route', 'coordinator', 'molecule'],
  constants: ['express', 'axios', 'zod'],
};
const assembly = /^src\/entry\/container(\.ts$|\/)/;

describe('every floor', () => {
  it.each(floors)('%s says in its README what lives there and what it never does', (floor) => {
    expect(existsSync(`${root}src/${floor}/README.md`)).toBe(true);
  });

  it.each(floors)('%s does not say what belongs elsewhere', (floor) => {
    const spoken = source
      .filter((file) => file.path.startsWith(`src/${floor}/`) && !assembly.test(file.path))
      .flatMap((file) => {
        const words = wordsOf(file);
        return unspoken[floor].filter((word) => words.has(word)).map((word) => `${file.path} says ${word}`);
      });
    expect(spoken).toEqual([]);
  });

  it('reads the environment in core/config.ts alone', () => {
    const readers = source.filter((file) => [...nodesOf(file.tree)].some((node) => ts.isPropertyAccessExpression(node) && node.getText() === 'process.env')).map((file) => file.path);
    expect(readers).toEqual(['src/core/config.ts']);
  });
});

/** The value that `share` of them do not exceed. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0;
}

const places = (fits: (node: ts.Node) => boolean): string[] =>
  source.flatMap((file) => [...nodesOf(file.tree)].filter(fits).map((node) => `${file.path}:${lineOf(file, node.getStart())}`));

const lineOf = (file: SourceFile, position: number): number => file.tree.getLineAndCharacterOfPosition(position).line + 1;

describe('the budget', () => {
  it('of files: median 80 lines, 95 % up to 200, none over 300', () => {
    const lengths = source.map((file) => file.lines);
    expect(quantile(lengths, 0.5)).toBeLessThanOrEqual(80);
    expect(quantile(lengths, 0.95)).toBeLessThanOrEqual(200);
    expect(source.filter((file) => file.lines > 300).map((file) => file.path)).toEqual([]);
  });

  it('of functions: 95 % up to 25 lines, none over 50', () => {
    const functions = source.flatMap((file) =>
      [...nodesOf(file.tree)].filter((node) => ts.isFunctionLike(node) && 'body' in node && node.body !== undefined).map((node) => ({ at: `${file.path}:${lineOf(file, node.getStart())}`, lines: lineOf(file, node.end) - lineOf(file, node.getStart()) + 1 })));
    expect(quantile(functions.map((one) => one.lines), 0.95)).toBeLessThanOrEqual(25);
    expect(functions.filter((one) => one.lines > 50)).toEqual([]);
  });

  it('of casts: at most 3 per 1,000 lines', () => {
    const casts = places((node) => ts.isAsExpression(node) && node.type.getText() !== 'const');
    const lines = source.reduce((sum, file) => sum + file.lines, 0);
    expect((casts.length / lines) * 1_000, casts.join(' ')).toBeLessThanOrEqual(3);
  });

  it('of any, bare errors and empty catches: none', () => {
    expect(places((node) => node.kind === ts.SyntaxKind.AnyKeyword)).toEqual([]);
    expect(places((node) => ts.isNewExpression(node) && node.expression.getText() === 'Error')).toEqual([]);
    expect(places((node) => ts.isCatchClause(node) && node.block.statements.length === 0)).toEqual([]);
  });
});
