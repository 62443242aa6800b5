/** The command line: `npm start`. Prints where to look, or in plain words why it does not start. */
import { enableCompileCache } from 'node:module';

// `npm start` has the cache from the environment, which also spares this file its turn through the type stripper.
enableCompileCache();
const { main } = await import('./start.ts');
await main(process.argv.slice(2));
