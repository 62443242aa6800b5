/**
 * A receiver of webhooks: checks signatures and counts by message. GET / tells what it has had.
 *
 *   node bench/receiver/main.ts secret [--half]      prints {"url": …} and runs until its stdin ends
 *
 * `--half`: every second message is answered with 500 at its first coming.
 */
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

const [secret = ''] = process.argv.slice(2);
const half = process.argv.includes('--half');
const webhook = new Webhook(secret);
/** How often each message was taken. */
const taken = new Map<string, number>();
const refused = new Set<string>();
let badlySigned = 0;

const server = createServer((request, response) => {
  if (request.method === 'GET') return void response.writeHead(200).end(JSON.stringify({ messages: taken.size, taken: [...taken.values()].reduce((sum, n) => sum + n, 0), refused: refused.size, badlySigned }));
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => response.writeHead(take(Buffer.concat(chunks).toString(), request.headers)).end());
});

/** Answers the status. */
function take(body: string, headers: NodeJS.Dict<string | string[]>): number {
  const id = String(headers['webhook-id']);
  try {
    webhook.verify(body, Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])));
  } catch {
    badlySigned += 1;
    return 401;
  }
  if (half && !refused.has(id) && !taken.has(id) && (taken.size + refused.size) % 2 === 1) {
    refused.add(id);
    return 500;
  }
  taken.set(id, (taken.get(id) ?? 0) + 1);
  return 204;
}

server.listen({ host: '127.0.0.1', port: 0, backlog: 2_048 }, () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}` })}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
