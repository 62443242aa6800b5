/**
 * A small, fast ComfyUI for measuring: it speaks the recorded protocol and does no work. Graphs say how long a job takes
 * (`BenchWork.milliseconds`, `steps`) and how large its picture is (`BenchOutput.bytes`).
 *
 *   node bench/stub/main.ts [--parallel]      prints {"url": …} and runs until its stdin ends
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { view } from './files.ts';
import { fieldsOf, jobOf } from './job.ts';
import { Sockets } from './sockets.ts';
import { Worker } from './worker.ts';

type Deed = (call: { request: IncomingMessage; response: ServerResponse; url: URL; body: string }) => void;

const sockets = new Sockets();
const worker = new Worker(sockets, process.argv.includes('--parallel'));

const objectInfo = {
  BenchWork: { input: { required: { milliseconds: ['INT', { min: 0 }], steps: ['INT', { min: 0 }] } }, output: ['IMAGE'], name: 'BenchWork', output_node: false },
  BenchOutput: { input: { required: { images: ['IMAGE'], bytes: ['INT', { min: 8 }] } }, output: [], name: 'BenchOutput', output_node: true },
};

const systemStats = { system: { os: 'posix', comfyui_version: '0.3.64', python_version: '3.11', ram_total: 0, ram_free: 0, argv: ['main.py'] }, devices: [] };

const deeds: Readonly<Record<string, Deed>> = {
  'POST /prompt': submit,
  'GET /prompt': ({ response }) => json(response, 200, { exec_info: { queue_remaining: worker.remaining } }),
  'GET /queue': ({ response }) => json(response, 200, worker.queue()),
  'POST /queue': ({ response, body }) => {
    const { clear, delete: ids } = fieldsOf(JSON.parse(body));
    worker.remove((job) => clear === true || (Array.isArray(ids) && ids.includes(job.promptId)));
    response.writeHead(200, { 'Content-Length': 0 }).end();
  },
  'POST /interrupt': ({ response, body }) => {
    const { prompt_id: promptId } = body === '' ? {} : fieldsOf(JSON.parse(body));
    worker.interrupt(typeof promptId === 'string' ? promptId : undefined);
    response.writeHead(200, { 'Content-Length': 0 }).end();
  },
  'GET /view': ({ request, response, url }) => view(request, response, url.searchParams),
  'HEAD /view': ({ request, response, url }) => view(request, response, url.searchParams),
  'GET /object_info': ({ response }) => json(response, 200, objectInfo),
  'GET /system_stats': ({ response }) => json(response, 200, systemStats),
  'GET /features': ({ response }) => json(response, 200, { supports_preview_metadata: true, max_upload_size: 104_857_600 }),
  'POST /bench/drop': ({ response }) => json(response, 200, { dropped: sockets.drop() }),
  'GET /bench/began': ({ response }) => json(response, 200, worker.began),
};

function submit({ response, body }: Parameters<Deed>[0]): void {
  const number = worker.nextNumber();
  const job = jobOf(fieldsOf(JSON.parse(body)), number);
  if (!job) return json(response, 400, { error: { type: 'prompt_no_outputs', message: 'Prompt has no outputs', details: '', extra_info: {} }, node_errors: {} });
  worker.add(job);
  json(response, 200, { prompt_id: job.promptId, number, node_errors: {} });
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(text) }).end(text);
}

function serve(request: IncomingMessage, response: ServerResponse, body: string): void {
  const url = new URL(request.url ?? '/', 'http://stub');
  const path = url.pathname.replace(/^\/api\//, '/');
  const history = /^\/history\/(.+)$/.exec(path)?.[1];
  if (history !== undefined) {
    const id = decodeURIComponent(history);
    const entry = worker.history.get(id);
    return json(response, 200, entry ? { [id]: entry } : {});
  }
  const deed = deeds[`${request.method} ${path}`];
  if (deed) deed({ request, response, url, body });
  else response.writeHead(404, { 'Content-Type': 'text/plain' }).end('404: Not Found');
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.method === 'GET' || request.method === 'HEAD') return serve(request, response, '');
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => serve(request, response, Buffer.concat(chunks).toString()));
});
sockets.attach(server, () => worker.remaining);
server.listen({ host: '127.0.0.1', port: 0, backlog: 2_048 }, () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}` })}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
