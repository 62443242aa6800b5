import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { failureFrames, progressFrame, startFrames, successFrames } from './frames.ts';
import type { Knobs } from './knobs.ts';
import { isEnded, type Task } from './task.ts';
import type { Tasks } from './tasks.ts';

const STEPS = 20;
const MIN_STEP_MS = 20;
const PREVIEW = Buffer.from([0, 0, 0, 1, 0, 0, 0, 2, 0x89, 0x50, 0x4e, 0x47]);

/** The progress socket of a task, as minimal as clients can bear: it starts, counts to 20 and ends. */
export class ProgressSockets {
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #tasks: () => Tasks;
  readonly #knobs: Knobs;

  constructor(knobs: Knobs, tasks: () => Tasks) {
    this.#knobs = knobs;
    this.#tasks = tasks;
  }

  /** Carries the credential of the task. */
  urlOf(task: Task, url: string): string {
    const { hostname, port, host } = new URL(url);
    return `ws://${host}/ws/c_instance?c_host=${hostname}&c_port=${port}&clientId=${task.clientId}&workflowId=${task.targetId}&Rh-Comfy-Auth=${encodeURIComponent(task.socketAuth)}&target=http://node.example.invalid:11075`;
  }

  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', () => { stream.destroy(); });
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://sandbox');
    const task = this.#tasks().all().find((one) => one.clientId === searchParams.get('clientId'));
    if (pathname !== '/ws/c_instance') refuse(stream, '404 Not Found');
    else if (this.#knobs.state.refuseSockets) refuse(stream, '503 Service Unavailable');
    else if (!task || searchParams.get('Rh-Comfy-Auth') !== task.socketAuth) refuse(stream, '401 Unauthorized');
    else this.#server.handleUpgrade(request, stream, head, (socket) => { this.#tell(socket, task); });
  }

  cutAll(): void {
    for (const socket of this.#server.clients) socket.terminate();
  }

  #tell(socket: WebSocket, task: Task): void {
    let sent = 0;
    const say = (...frames: readonly unknown[]): void => {
      const { socketFrames, dropSocketAfterFrames } = this.#knobs.state;
      if (socketFrames === 'none') return;
      for (const frame of frames) {
        if (sent >= (dropSocketAfterFrames ?? Infinity)) socket.terminate();
        if (socketFrames === 'binary') socket.send(PREVIEW);
        socket.send(JSON.stringify(frame));
        sent += 1;
      }
    };
    const counting = this.#count(task, say);
    const end = (): void => {
      if (!isEnded(task)) return;
      clearInterval(counting);
      say(...(task.state === 'SUCCESS' ? successFrames(task) : failureFrames(task)));
      socket.close();
    };
    const silence = this.#tasks().onChange((changed) => { if (changed === task) end(); });
    socket.on('error', () => { socket.terminate(); });
    socket.on('close', () => {
      silence();
      clearInterval(counting);
    });
    say(...startFrames(task));
    end();
  }

  /** One step of 20 after the other, in the time a run takes. */
  #count(task: Task, say: (frame: unknown) => void): NodeJS.Timeout {
    let step = 0;
    return setInterval(() => {
      if (task.state !== 'RUNNING' || step >= STEPS) return;
      step += 1;
      say(progressFrame(task, step, STEPS));
    }, Math.max(MIN_STEP_MS, this.#knobs.state.runMs / STEPS));
  }
}

function refuse(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
}
