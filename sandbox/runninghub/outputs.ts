import { randomBytes } from 'node:crypto';
import type { FileShelf } from './file-shelf.ts';
import type { Knobs } from './knobs.ts';
import { pictureOf, videoStub } from './picture.ts';
import type { Task, TaskOutput } from './task.ts';

interface Made {
  readonly nodeId: string;
  readonly type: string;
  readonly bytes: Buffer;
}

/** Makes what a task leaves behind and puts it on the shelf. */
export class OutputMaker {
  readonly #shelf: FileShelf;
  readonly #knobs: Knobs;
  readonly #filesUrl: () => string;

  constructor({ shelf, knobs, filesUrl }: { shelf: FileShelf; knobs: Knobs; filesUrl: () => string }) {
    this.#shelf = shelf;
    this.#knobs = knobs;
    this.#filesUrl = filesUrl;
  }

  make(task: Task): TaskOutput[] {
    return made(task).map(({ nodeId, type, bytes }) => {
      const path = `${folderOf(task)}${STEMS[type] ?? 'file'}__00001_${randomBytes(3).toString('hex')}_${Math.floor(Date.now() / 1_000)}.${type}`;
      this.#shelf.put(path, bytes, Date.now() + this.#knobs.state.resultLifeMs);
      return { nodeId, type, url: this.#filesUrl() + path, text: type === 'txt' ? bytes.toString() : null };
    });
  }
}

const STEMS: Readonly<Record<string, string>> = { png: 'ComfyUI', mp4: '视频', txt: '描述' };

/** Where the results of a task are on the host of files. */
export const folderOf = ({ account, id }: Task): string => `/output/${account.name}/${id}/`;

function made(task: Task): Made[] {
  const picture = { nodeId: '9', type: 'png', bytes: pictureOf(JSON.stringify([task.targetId, task.nodeInfoList])) };
  const text = { nodeId: '31', type: 'txt', bytes: Buffer.from(`一只橘猫坐在窗台上 (sandbox, ${task.nodeInfoList.length} inputs)`) };
  switch (task.outcome) {
    case 'none': return [];
    case 'text': return [text];
    case 'several': return [picture, { nodeId: '30', type: 'mp4', bytes: videoStub() }, text];
    default: return [picture];
  }
}
