import { runAlone } from '../harness/alone.ts';
import { type Bench, must, type Options, type Report, target } from '../harness/bench.ts';
import { fields, json } from '../harness/http.ts';
import { drive, type Load, median, percentile } from '../harness/load.ts';
import { makeHome, runScript, startGateway, startStub, withProcesses } from '../harness/processes.ts';
import { ms, ratio, whole } from '../harness/show.ts';

interface Side {
  readonly url: string;
  readonly tasks: number;
}

interface Question {
  readonly name: string;
  /** Path and query at a side, found out beforehand. */
  readonly paths: readonly [few: string, many: string];
  readonly isList: boolean;
}

interface Row {
  readonly question: Question;
  readonly rounds: readonly { readonly few: Load; readonly many: Load }[];
}

const few = 120;
const many = 100_000;
const tasks = '/api/v1/tasks';

export const tasksList: Bench = {
  name: 'tasks-list',
  title: 'Looking among many tasks',
  about: `One caller asks a gateway whose database holds ${many} finished tasks, and one with ${few}, in alternating rounds. A page has 50 tasks on both. The deep cursor stands in the middle.`,
  run: (options) => withProcesses(async (keep) => {
    const stub = await keep(startStub());
    const sides: Side[] = [];
    for (const count of [few, options.quick ? many / 10 : many]) {
      const home = await keep(makeHome());
      await runScript('bench/seed/main.ts', [home.database, String(count)]);
      const { url } = await keep(startGateway({ comfyui: stub.url, role: 'api', home, profile: count > few ? options.profile : undefined }));
      sides.push({ url, tasks: count });
    }
    const [small, large] = sides;
    if (!small || !large) throw new Error('a side is missing');
    const rows: Row[] = [];
    for (const question of await questionsOf(small, large)) rows.push({ question, rounds: await alternate(question, { small, large }, options) });
    return report(rows, [await countOf(small), await countOf(large)], large.tasks);
  }),
};

async function questionsOf(small: Side, large: Side): Promise<Question[]> {
  const middle = await Promise.all([small, large].map(async (side) => await idAt(side, side.tasks / 2)));
  const [inSmall = '', inLarge = ''] = middle;
  const same = (name: string, path: string, isList = true): Question => ({ name, paths: [path, path], isList });
  return [
    same('first page', tasks),
    same('first page of the completed', `${tasks}?status=completed`),
    same('first page of the failed, 5 each', `${tasks}?status=failed&limit=5`),
    { name: 'a page in the middle', paths: [`${tasks}?cursor=${inSmall}`, `${tasks}?cursor=${inLarge}`], isList: true },
    { name: 'one task', paths: [`${tasks}/${inSmall}`, `${tasks}/${inLarge}`], isList: false },
    same('statistics', '/api/v1/stats', false),
  ];
}

/** Id of the task that was made so many seconds before the newest. */
async function idAt({ url }: Side, seconds: number): Promise<string> {
  const newest = firstOf(await json(`${url}${tasks}?limit=1`));
  const { task_id: id } = firstOf(await json(`${url}${tasks}?limit=1&created_before=${Number(newest['created_at']) - seconds * 1_000}`));
  return String(id);
}

function firstOf(page: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const list: unknown = page['tasks'];
  return fields(Array.isArray(list) ? list[0] : undefined);
}

async function countOf({ url, tasks: expected }: Side): Promise<boolean> {
  const { counts } = await json(`${url}/api/v1/stats`);
  return Object.values(fields(counts)).reduce((sum: number, n) => sum + Number(n), 0) === expected;
}

async function alternate({ paths }: Question, { small, large }: { readonly small: Side; readonly large: Side }, { quick }: Options): Promise<Row['rounds'][number][]> {
  const ask = (side: Side, path: string) => async (): Promise<void> => void (await json(`${side.url}${path}`));
  const [inSmall, inLarge] = [ask(small, paths[0]), ask(large, paths[1])];
  const how = { callers: 1, count: quick ? 50 : 200 };
  for (const deed of [inSmall, inLarge]) await drive({ callers: 1, count: 50 }, deed);
  const rounds: Row['rounds'][number][] = [];
  for (let round = 0; round < (quick ? 1 : 5); round += 1) rounds.push({ few: await drive(how, inSmall), many: await drive(how, inLarge) });
  return rounds;
}

const at = (load: Load, share: number): number => percentile(load.times, share);
const slower = ({ rounds }: Row): number => median(rounds.map((round) => at(round.many, 0.5) / at(round.few, 0.5)));

function report(rows: readonly Row[], complete: readonly boolean[], tasksThere: number): Report {
  const lost = rows.flatMap(({ rounds }) => rounds.flatMap((round) => [...round.few.lost, ...round.many.lost]));
  return {
    tables: [{
      head: ['', `of ${few}: p50 ms`, 'p99 ms', `of ${tasksThere}: p50 ms`, 'p99 ms', 'p50 ratio'],
      rows: rows.map((row) => [row.question.name, ...(['few', 'many'] as const).flatMap((side) => [0.5, 0.99].map((share) => ms(median(row.rounds.map((round) => at(round[side], share)))))), ratio(slower(row))]),
    }],
    checks: [
      must(`both gateways count the tasks that are there, and every call was answered (${lost.length} were not)`, complete.every(Boolean) && lost.length === 0),
      ...rows.filter(({ question }) => question.isList).map((row) => target(`${row.question.name}: at most 2× as long among ${whole(tasksThere)} tasks (${ratio(slower(row))})`, slower(row) <= 2)),
    ],
  };
}

await runAlone(tasksList, import.meta.main);
