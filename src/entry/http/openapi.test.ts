import { createConfig, lintFromString } from '@redocly/openapi-core';
import { describe, expect, it } from 'vitest';
import { standDeps, startApp } from '../../../tests/support/http-app.ts';
import { Catalog } from '../../coordinator/tasks/catalog.ts';
import { errorTable } from '../../core/errors.ts';
import { Problem } from '../../models/problem.ts';
import { loadEngineConfig } from '../../molecules/engine-config/engine-config.ts';
import { readTemplates } from '../../molecules/templates/load.ts';
import { allRoutes } from './app.ts';
import { errorsOf, openApiDocument } from './openapi.ts';
import { expressPath } from './mount.ts';
import { methods } from './route.ts';
import { type Fields, readTask } from './routes/task-body.ts';

interface Operation {
  readonly operationId: string;
  readonly tags: string[];
  readonly security?: unknown[];
  readonly parameters?: { name: string; in: string; required: boolean; description?: string; schema: unknown }[];
  readonly requestBody?: { content: Record<string, { schema: unknown; examples?: Record<string, { value: unknown }> }> };
  readonly responses: Record<string, { description: string; headers?: Record<string, unknown>; content?: Record<string, unknown> }>;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, unknown>; readonly examples: Record<string, { value: unknown }> };
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
    expect(operations.filter(({ operation }) => operation.security !== undefined).map(({ path }) => path)).toEqual(['/api/health', '/hooks/runninghub/{task_id}/{token}', '/healthz', '/readyz']);
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

describe('what a reader needs', () => {
  const parametersOf = (path: string, method: string) => (document.paths[path]?.[method]?.parameters ?? []).filter((one) => one.in === 'header').map(({ name, required }) => [name, required]);

  it('has the headers that calls read, none of them needed', () => {
    expect(parametersOf('/api/v1/tasks', 'post')).toEqual([['Idempotency-Key', false], ['Prefer', false]]);
    expect(parametersOf('/api/tasks/create', 'post')).toEqual([['Idempotency-Key', false]]);
    expect(parametersOf('/api/v1/tasks/{task_id}/events', 'get')).toEqual([['Last-Event-ID', false]]);
  });

  it('has no bound that is only that of JavaScript', () => {
    expect(JSON.stringify(document)).not.toContain(String(Number.MAX_SAFE_INTEGER));
    expect(document.components.schemas['TaskView']).toMatchObject({ properties: { priority: { type: 'integer' } } });
  });

  it('says of every call with a key, and of every body, that it may come too early, and when to come again', () => {
    for (const row of rows) {
      const busy = document.paths[row.path]?.[row.method]?.responses['503'];
      if (row.open !== true) expect([busy?.description, busy?.headers]).toEqual([expect.stringContaining('INTERNAL_ERROR: The database is busy, or full'), expect.objectContaining({ 'Retry-After': expect.anything() as unknown })]);
      if (row.body !== undefined) expect(busy?.description).toContain('QUEUE_FULL');
    }
    expect(document.paths['/healthz']?.['get']?.responses).not.toHaveProperty('503');
  });

  it('shows each refusal as it comes', () => {
    const shown = document.paths['/api/v1/tasks']?.['post']?.responses;
    const examples = (status: string) => (shown?.[status]?.content?.['application/problem+json'] as { examples: object }).examples;
    expect(examples('401')).toEqual({ UNAUTHORIZED: { $ref: '#/components/examples/UNAUTHORIZED' } });
    expect(Object.keys(examples('503'))).toEqual(['INTERNAL_ERROR_503', 'QUEUE_FULL_503']);
    expect(document.components.examples['QUEUE_FULL_503']?.value).toMatchObject({ status: 503, code: 'QUEUE_FULL', title: 'The queue is full', retryable: true });
    for (const { value } of Object.values(document.components.examples)) expect(Problem.parse(value)).toEqual(value);
  });

  it('shows examples of answers about tasks', () => {
    for (const name of ['TaskView', 'TaskAccepted', 'TaskPage', 'UnifiedTaskState']) expect(document.components.schemas[name]).toMatchObject({ examples: [expect.objectContaining({})] });
  });
});

describe('with the templates and pipelines that are shipped', () => {
  const shipped = async () => {
    const folder = `${import.meta.dirname}/../../../config`;
    const templates = (await readTemplates(`${folder}/workflows`)).templates.flatMap(({ template }) => template ?? []);
    const { config } = await loadEngineConfig(`${folder}/engine_config.yml`, { templates: new Map(templates.map(({ name }) => [name, undefined])), instances: [], environment: () => undefined });
    const catalog = new Catalog({ templates: { all: () => templates, find: (name) => templates.find((one) => one.name === name) }, config, engines: new Map(), store: { loads: () => Promise.resolve(new Map()) }, random: () => 7n });
    const made = openApiDocument(allRoutes(standDeps({}, { catalog: { newTask: () => catalog.newTask(), taskExamples: () => catalog.taskExamples() } })), { title: 'T', version: '1' });
    return JSON.parse(JSON.stringify(made)) as Document;
  };

  it('passes the linter, too', async () => {
    const problems = await lint(JSON.stringify(await shipped()));
    expect(problems.map(({ severity, ruleId, message }) => `${severity} ${ruleId}: ${message}`)).toEqual([]);
  });

  it('has every way of making a task under a title, its own fields first', async () => {
    const { components: { schemas } } = await shipped();
    const { anyOf } = schemas['NewTask'] as { anyOf: { $ref: string }[] };
    const ways = anyOf.map(({ $ref }) => schemas[$ref.replace('#/components/schemas/', '')] as { title: string; properties: object });
    expect(ways.map(({ title }) => title)).toEqual([...['basic_generation', 'blend', 'image-to-image', 'pose-change', 'resize', 'text-to-image', 'upscale'].map((name) => `template: ${name}`), 'graph', 'pipeline: POSE_CHANGE', 'pipeline: RESTYLE', 'template: any', 'pipeline: any']);
    expect(Object.keys(ways[9]?.properties ?? {}).slice(0, 5)).toEqual(['task_type', 'image', 'prompt', 'denoise', 'factor']);
  });

  it('has examples of tasks that are taken', async () => {
    const examples = (await shipped()).paths['/api/v1/tasks']?.['post']?.requestBody?.content['application/json']?.examples ?? {};
    expect(Object.keys(examples)).toEqual(['template', 'pipeline', 'graph']);
    for (const { value } of Object.values(examples)) expect(readTask(value as Fields)).toHaveProperty('kind');
    expect(examples['pipeline']?.value).toMatchObject({ task_type: 'POSE_CHANGE', source_image: expect.stringMatching(/^https:/) as unknown, reference_image: expect.stringMatching(/^https:/) as unknown });
  });
});

describe('what is mounted', () => {
  it.each(rows.map((row) => [row.method, row.path] as const))('%s %s is reached, and other methods are not', async (method, path) => {
    await using app = await startApp({ API_KEYS: 'alice:alice-key-1' });
    const address = app.url + expressPath(path).replace(/:\w+/g, 'some-id');
    const reached = await fetch(address, { method });
    expect([200, 204, 401, 503]).toContain(reached.status);
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
