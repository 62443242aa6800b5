/** The OpenAPI 3.1 document, made from the rows that are mounted. */
import { errorTable, fail, type ErrorCode } from '../../core/errors.ts';
import { Problem } from '../../models/problem.ts';
import { Components, type Json } from './openapi-schemas.ts';
import { problemType, toProblem } from './problem.ts';
import { tags, type Answer, type Route } from './route.ts';

export interface DocumentFacts {
  readonly title: string;
  readonly version: string;
  /** Address that clients use; without one the document speaks of wherever it was fetched from. */
  readonly url?: string | undefined;
}

const intro = `One service in front of ComfyUI servers: submit workflows, watch them, fetch what comes out.

**Keys.** Send \`Authorization: Bearer …\` or \`X-API-Key: …\`. A gateway without keys takes everybody for one caller.

**Numbers.** Graphs carry integers up to 2^64-1 (seeds). They are plain JSON numbers here, in both directions, and keep every digit; JavaScript's own JSON.parse rounds them beyond 2^53.

**Refusals** are problem details (RFC 9457) with a \`code\` to act on, a \`request_id\` to ask about and, where several things are wrong, one entry per fault in \`errors\`.

**Events** come over the WebSocket \`/api/v1/ws/{client_id}\`.`;

/** Codes that calls may answer with beside those of their row. */
const common = {
  always: ['FORBIDDEN', 'INTERNAL_ERROR'],
  keyed: ['UNAUTHORIZED', 'RATE_LIMITED', 'TASK_TIMEOUT'],
  body: ['MALFORMED_JSON', 'UNSUPPORTED_MEDIA_TYPE', 'PAYLOAD_TOO_LARGE'],
  checked: ['VALIDATION_ERROR'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/** Every code that a row may answer with. */
export function errorsOf(row: Route): ErrorCode[] {
  const codes: ErrorCode[] = [...row.errors, ...common.always];
  if (row.open !== true) codes.push(...common.keyed);
  if (row.body !== undefined) codes.push(...common.body);
  if (row.body !== undefined || row.query !== undefined || row.params !== undefined) codes.push(...common.checked);
  return [...new Set(codes)];
}

export function openApiDocument(rows: readonly Route[], facts: DocumentFacts): Json {
  const components = new Components();
  const problem = components.reference(Problem);
  const paths: Record<string, Record<string, Json>> = {};
  for (const row of rows) (paths[row.path] ??= {})[row.method] = operation(row, components, problem);
  return {
    openapi: '3.1.0',
    info: { title: facts.title, version: facts.version, description: intro, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: facts.url ?? '/' }],
    security: [{ bearer: [] }, { apiKey: [] }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' }, apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' } },
      schemas: components.schemas,
      examples: Object.fromEntries(rows.flatMap(refusalsOf).map((one) => [one.example, { value: shown(one) }])),
    },
  };
}

function operation(row: Route, components: Components, problem: Json): Json {
  const parameters = [...components.parameters(row.params, 'path'), ...components.parameters(row.query, 'query'), ...components.headers(row.headers)];
  const body = requestBody(row, components);
  return {
    operationId: row.id,
    tags: [row.tag],
    summary: row.summary,
    ...(row.description === undefined ? {} : { description: row.description }),
    ...(row.open === true ? { security: [{}] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: { ...answers(row, components), ...problems(row, problem) },
  };
}

function requestBody(row: Route, components: Components): Json | undefined {
  if (row.form !== undefined) return { required: true, content: { 'multipart/form-data': { schema: components.reference(row.form) } } };
  if (row.body === undefined) return undefined;
  const bodies = Object.entries((typeof row.examples === 'function' ? row.examples() : row.examples) ?? {});
  const examples = Object.fromEntries(bodies.map(([name, value]) => [name, { value }]));
  return { required: row.bodyOptional !== true, content: { 'application/json': { schema: components.reference(row.documented?.() ?? row.body), ...(bodies.length > 0 ? { examples } : {}) } } };
}

function answers(row: Route, components: Components): Record<string, Json> {
  return Object.fromEntries(Object.entries(row.answers).map(([status, answer]) => [status, { description: answer.description, ...content(answer, components, row.method === 'head') }]));
}

function content({ schema, contentType }: Answer, components: Components, head: boolean): Json {
  if (head || (schema === undefined && contentType === undefined)) return {};
  return { content: { [contentType ?? 'application/json']: { schema: schema === undefined ? {} : components.reference(schema) } } };
}

/** One way of saying no. `example` is the name of one that the document shows. */
interface Refusal {
  readonly code: ErrorCode;
  readonly status: number;
  readonly words: string;
  readonly example: string;
}

/** One response per status, naming the codes that come with it. */
function problems(row: Route, problem: Json): Record<string, Json> {
  const byStatus = Map.groupBy(refusalsOf(row), ({ status }) => status);
  const entries = [...byStatus].map(([status, its]): [string, Json] => {
    const examples = Object.fromEntries(its.map(({ example }) => [example, { $ref: `#/components/examples/${example}` }]));
    const content = row.method === 'head' ? {} : { content: { [problemType]: { schema: problem, examples } } };
    return [String(status), { description: its.map(({ words }) => words).join(' '), ...(waiting.has(status) ? { headers: retryAfter } : {}), ...content }];
  });
  return Object.fromEntries(entries);
}

function refusalsOf(row: Route): Refusal[] {
  const usual = errorsOf(row).map((code) => ({ code, status: errorTable[code].status, words: `${code}: ${errorTable[code].title}.`, example: code }));
  return [...usual, ...passing(row)];
}

const REQUEST = '01a2080a-aa26-75c5-90ff-456a80c680d2';
const shown = ({ code, status, example }: Refusal): Json => toProblem(fail(code, 'what happened this time.', { status, ...(example === code ? {} : { retryable: true, told: 'what happened this time' }) }), REQUEST);

/** Answers that say when to come again. */
const waiting: ReadonlySet<number> = new Set([429, 503]);
const retryAfter = { 'Retry-After': { description: 'Seconds after which the same call is worth making again, where they are known.', schema: { type: 'integer', minimum: 1 } } };

/** Codes that come as 503 although their usual status is another: what is short now is there again in a moment. */
function passing(row: Route): Refusal[] {
  const database: Refusal = { code: 'INTERNAL_ERROR', status: 503, words: 'INTERNAL_ERROR: The database is busy, or full; nothing was changed.', example: 'INTERNAL_ERROR_503' };
  const room: Refusal = { code: 'QUEUE_FULL', status: 503, words: 'QUEUE_FULL: There is no room now beside the bodies, files and watchers that are worked on.', example: 'QUEUE_FULL_503' };
  return [...(row.open === true ? [] : [database]), ...(row.body !== undefined || row.errors.includes('QUEUE_FULL') ? [room] : [])];
}
