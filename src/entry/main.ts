/** The command line: `npm start`. Prints where to look, or in plain words why it does not start. */
import { enableCompileCache } from 'node:module';

enableCompileCache();
const { main } = await import('./start.ts');
await main(process.argv.slice(2));
