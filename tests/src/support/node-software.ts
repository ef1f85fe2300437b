/** What other devices get from a gateway, built when it is missing or old. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './managed-process.ts';

/** A process of its own, as `npm start` does it: two at once make the same bytes, each file renamed into place. */
export async function buildNodeSoftware(): Promise<void> {
  await promisify(execFile)(process.execPath, [path.join(ROOT, 'tools/build-node.ts')], { cwd: ROOT });
}
