import { createConfig, lintFromString } from '@redocly/openapi-core';
import { describe, expect, it } from 'vitest';
import { standDeps, startApp } from '../../../tests/support/http-app.ts';
import { errorTable } from '../../core/errors.ts';
import { allRoutes } from './app.ts';
import { errorsOf, openApiDocument } from './openapi.ts';
import { expressPath } from './mount.ts';
import { methods } from './route.ts';

interface Operation {
  readonly operationId: string;
  readonly tags: string[];
  readonly security?: unknown[];
  readonly parameters?: { name: string; in: string; required: boolean; schema: unknown }[];
  readonly requestBody?: { content: Record<string, { schema: unknown; examples?: Record<string, { value: unknown }> }> };
  readonly responses: Record<string, { description: string; content?: Record<string, unknown> }>;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, unknown> };
  readonly info: { readonly version: string };
  readonly servers: { readonly url: string }[];
}

const rows = allRoutes(standDeps());
const document = JSON.parse(JSON.stringify(openApiDocument(rows, { title: 'T', version: '1.2.3' }))) as Document;
const operations = Object.entries(document.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => ({ path, method, operation })));

async function lint(source: string) {
  return lintFromString({ source, config: await createConfig({ extends: ['recommended'] }) });
}

describe('the document', () => {
  it('passes the recommended rules of an OpenAPI linter without an error or a warning', async () => {
    const problems = await lint(JSON.stringify(document));
    expect(problems.map(({ severity, ruleId, message }) => `${severity} ${ruleId}: ${message}`)).toEqual([]);
  });

  it('would fail them if it were wrong', async () => {
    const problems = await lint(JSON.stringify(document).replace('"operationId":"submitWorkflow"', '"operationId":"getQueue"'));
    expect(problems.some(({ severity }) => severity === 'error')).toBe(true);
  });

  it('has every row and nothing else', () => {
    expect(operations.map(({ path, method, operation }) => `${method} ${path} ${operation.operationId}`).sort()).toEqual(rows.map((row) => `${row.method} ${row.path} ${row.id}`).sort());
    expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length);
  });

  it('resolves all its references, and has no component that nothing uses', () => {
    const used = new Set([...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map((match) => match[1]));
    expect([...used].sort()).toEqual(Object.keys(document.components.schemas).sort());
  });

  it('names every code of a row under its status', () => {
    for (const row of rows) {
      for (const code of errorsOf(row)) expect(document.paths[row.path]?.[row.method]?.responses[errorTable[code].status]?.description).toContain(code);
    }
  });

  it('says which calls need no key', () => {
    expect(operations.filter(({ operation }) => operation.security !== undefined).map(({ path }) => path)).toEqual(['/api/health', '/healthz', '/readyz']);
  });

  it('lists the query of a download with its description and defaults', () => {
    const parameters = document.paths['/api/v1/images/download']?.['get']?.parameters ?? [];
    expect(parameters.map((one) => one.name)).toEqual(['filename', 'subfolder', 'type', 'prompt_id', 'format', 'quality', 'width', 'height']);
    expect(parameters[0]).toMatchObject({ in: 'query', required: true });
    expect(parameters[2]).toMatchObject({ required: false, schema: { default: 'output', enum: ['input', 'output', 'temp'] } });
  });

  it('describes the upload form with its file', () => {
    expect(document.paths['/api/v1/images/upload']?.['post']?.requestBody?.content).toHaveProperty('multipart/form-data');
    expect(document.components.schemas['UploadForm']).toMatchObject({ required: ['file'], properties: { file: { type: 'string', format: 'binary' } } });
  });

  it('gives examples of a submit that its own schema takes', () => {
    const row = rows.find((one) => one.id === 'submitWorkflow');
    const examples = Object.values(document.paths['/api/v1/workflows/submit']?.['post']?.requestBody?.content['application/json']?.examples ?? {});
    expect(examples.length).toBeGreaterThan(0);
    for (const { value } of examples) expect(row?.body?.safeParse(value).success).toBe(true);
  });
});

describe('what is mounted', () => {
  it.each(rows.map((row) => [row.method, row.path] as const))('%s %s is reached, and other methods are not', async (method, path) => {
    await using app = await startApp({ API_KEYS: 'alice:alice-key-1' });
    const address = app.url + expressPath(path).replace(/:\w+/g, 'some-id');
    const reached = await fetch(address, { method });
    expect([200, 401, 503]).toContain(reached.status);
    const allowed = rows.filter((row) => row.path === path).map((row) => row.method);
    const other = methods.find((one) => one !== 'head' && !allowed.includes(one)) ?? 'put';
    const refused = await fetch(address, { method: other.toUpperCase() });
    expect(refused.status).toBe(405);
    expect(refused.headers.get('allow')?.toLowerCase().split(', ')).toEqual(expect.arrayContaining(allowed));
  });

  it('serves the same document, with the version and PUBLIC_URL', async () => {
    await using app = await startApp({ PUBLIC_URL: 'https://pictures.example' });
    const served = (await (await fetch(`${app.url}/openapi.json`)).json()) as Document;
    expect(served.paths).toEqual(document.paths);
    expect([served.info.version, served.servers]).toEqual(['1.2.3', [{ url: 'https://pictures.example' }]]);
  });
});
