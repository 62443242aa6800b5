import { folderOf } from './outputs.ts';
import type { ProgressSockets } from './sockets.ts';
import type { TaskState } from './task.ts';
import type { World } from './world.ts';

/** What a test can do to the service once. Each does nothing for a task that does not exist. */
export class Deeds {
  readonly #world: World;
  readonly #sockets: ProgressSockets;

  constructor(world: World, sockets: ProgressSockets) {
    this.#world = world;
    this.#sockets = sockets;
  }

  /** Puts a task into a state, whatever the knobs say; it goes on from there. */
  move(taskId: string, state: TaskState): void {
    const task = this.#world.tasks.get(taskId);
    if (task) this.#world.tasks.move(task, state);
  }

  /** The service no longer knows the task: 807, v2 1004. */
  forgetTask(taskId: string): void {
    this.#world.tasks.forget(taskId);
  }

  /** The result URLs of this task, or of every task so far, answer 403 from now on. */
  expireResults(taskId?: string): void {
    const task = taskId === undefined ? undefined : this.#world.tasks.get(taskId);
    if (task) this.#world.shelf.expire(folderOf(task));
    else if (taskId === undefined) this.#world.shelf.expire('/output/');
  }

  /** No name of an upload is known any more. */
  expireUploads(): void {
    this.#world.uploads.expire();
  }

  /** Cuts every progress socket: clients see 1006. */
  closeSockets(): void {
    this.#sockets.cutAll();
  }
}
