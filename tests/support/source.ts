/** The source of the house, read as the compiler reads it. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly tree: ts.SourceFile;
}

/** Every TypeScript file below `folder`; tests are those that end in .test.ts. */
export function sourceFiles(folder: string, which: 'source' | 'tests'): SourceFile[] {
  return readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts') && path.endsWith('.test.ts') === (which === 'tests') && !path.includes('/fixtures/'))
    .toSorted()
    .map((path) => {
      const text = readFileSync(`${root}${path}`, 'utf8');
      return { path, text, lines: text.trimEnd().split('\n').length, tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) };
    });
}

/** Every node of a file, parents before children. */
export function* nodesOf(node: ts.Node): Generator<ts.Node, void> {
  yield node;
  for (const child of node.getChildren()) yield* nodesOf(child);
}

/** Words of the code, each once, in lower case and split where camelCase changes: names and strings, but not comments and codes of errors. */
export function wordsOf({ tree }: SourceFile): Set<string> {
  const words = new Set<string>();
  for (const node of nodesOf(tree)) {
    if (!ts.isIdentifier(node) && (!ts.isStringLiteralLike(node) || /^[A-Z][A-Z_]+$/.test(node.text))) continue;
    for (const word of node.text.replace(/([a-z0-9])([A-Z])/g, '$1 $2').match(/[A-Za-z]+/g) ?? []) words.add(word.toLowerCase());
  }
  return words;
}

/** What a file imports when it runs; imports of types alone are gone by then, unless they are asked for. */
export function importsOf({ tree }: SourceFile, { types = false } = {}): string[] {
  const names: string[] = [];
  for (const node of nodesOf(tree)) {
    const isTyped = ts.isImportDeclaration(node) ? node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword : ts.isExportDeclaration(node) && node.isTypeOnly;
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && (types || !isTyped) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) names.push(node.moduleSpecifier.text);
    const called = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword ? node.arguments[0] : undefined;
    if (called && ts.isStringLiteral(called)) names.push(called.text);
  }
  return names;
}

export { ts };
