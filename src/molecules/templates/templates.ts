import { watchFolder } from '../../atoms/watch-folder/watch-folder.ts';
import { limits } from '../../constants/limits.ts';
import { ConfigError } from '../../core/config.ts';
import type { Logger } from '../../core/logger.ts';
import type { Template, Templates } from '../../models/template.ts';
import { type ReadFolder, readTemplates } from './load.ts';

/** Milliseconds without a change after which the folder is read again. */
const SETTLE_MS = 100;

/** A folder as it was found. */
export interface LookedAt {
  /** Those without a fault. */
  readonly templates: TemplateFolder;
  /** Names of those with one. */
  readonly broken: readonly string[];
  /** The folder may have others that were not read. */
  readonly unread: boolean;
  /** One line per fault of the folder and all files. */
  readonly faults: readonly string[];
}

/** The templates of a folder, as they are now. A folder that is missing has none, and may come later. */
export class TemplateFolder implements Templates {
  readonly #folder: string;
  readonly #log: Logger;
  #templates: ReadonlyMap<string, Template> = new Map();
  /** What each file was when it was read last. */
  #stamps: ReadonlyMap<string, string> = new Map();
  #folderFaults: readonly string[] = [];

  private constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Reads the folder. Throws ConfigError with one line per fault of all files. */
  static async load(folder: string, log: Logger): Promise<TemplateFolder> {
    const { templates, faults } = await TemplateFolder.look(folder, log);
    if (faults.length > 0) throw new ConfigError(faults);
    return templates;
  }

  /** Reads what is sound of the folder. What is probably not meant, and hinders nobody, is logged. */
  static async look(folder: string, log: Logger): Promise<LookedAt> {
    const read = await readTemplates(folder);
    const templates = new TemplateFolder(folder, log);
    templates.#warn(read);
    templates.#take(read);
    const broken = read.templates.filter((one) => one.template === undefined).map(({ name }) => name);
    return { templates, broken, unread: read.faults.length > 0, faults: [...read.faults, ...read.templates.flatMap((one) => one.faults)] };
  }

  find(name: string): Template | undefined {
    return this.#templates.get(name);
  }

  /** In the order of their names. */
  all(): readonly Template[] {
    return [...this.#templates.values()];
  }

  /** Follows the folder until `signal` aborts. A file that breaks keeps the template that it was; its faults are logged once. */
  async run(signal: AbortSignal): Promise<void> {
    for await (const news of watchFolder(this.#folder, { settleMs: SETTLE_MS, depth: limits.templateFolders }, signal)) {
      if (news.kind === 'changed') await this.#reload();
      else this.#log.warn(`Changes of some templates in ${this.#folder} may go unnoticed until the next start.`, { error: news.error });
    }
  }

  async #reload(): Promise<void> {
    const before = this.#templates;
    const read = await readTemplates(this.#folder);
    for (const fault of read.faults.filter((one) => !this.#folderFaults.includes(one))) this.#log.error(fault);
    this.#folderFaults = read.faults;
    // Where the folder cannot be read, nothing is known of what it holds.
    if (read.faults.length > 0 && read.templates.length === 0) return;
    for (const { name, faults, stamp } of read.templates) {
      if (stamp !== this.#stamps.get(name)) for (const fault of faults) this.#log.error(`${fault}${before.has(name) ? ' (the template stays as it was)' : ''}`);
    }
    this.#warn(read);
    this.#take(read);
    this.#tell(before);
  }

  /** Of files that are others than they were. */
  #warn({ templates }: ReadFolder): void {
    for (const { name, warnings, stamp } of templates) {
      if (stamp !== this.#stamps.get(name)) for (const warning of warnings) this.#log.warn(warning);
    }
  }

  #take(read: ReadFolder): void {
    const earlier = this.#templates;
    const next = new Map<string, Template>();
    for (const { name, template, stamp } of read.templates) {
      const kept = template === undefined || stamp === this.#stamps.get(name) ? earlier.get(name) : undefined;
      const now = kept ?? template;
      if (now) next.set(name, now);
    }
    this.#templates = next;
    this.#stamps = new Map(read.templates.map(({ name, stamp }) => [name, stamp]));
  }

  #tell(before: ReadonlyMap<string, Template>): void {
    const now = this.#templates;
    const added = [...now.keys()].filter((name) => !before.has(name));
    const removed = [...before.keys()].filter((name) => !now.has(name));
    const changed = [...now].filter(([name, template]) => before.has(name) && before.get(name) !== template).map(([name]) => name);
    if (added.length + removed.length + changed.length > 0) this.#log.info('Templates changed.', { added, changed, removed });
  }
}
