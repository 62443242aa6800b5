/**
 * What accepting a task costs at least: one row per call, committed, in a database that is set up as the gateway's, then 202.
 *
 *   node bench/floor/accepting.ts file      prints {"url": …} and runs until its stdin ends
 */
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';

const database = new DatabaseSync(process.argv[2] ?? ':memory:');
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864');
database.exec('create table accepted (id text not null primary key, body text not null) without rowid');
const insert = database.prepare('insert into accepted (id, body) values (?, ?)');

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const id = crypto.randomUUID();
    insert.run(id, Buffer.concat(chunks).toString());
    const text = JSON.stringify({ task_id: id });
    response.writeHead(202, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }).end(text);
  });
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 2_048 }, () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}` })}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
