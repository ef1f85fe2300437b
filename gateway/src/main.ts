/** The gateway as a process of its own: `node gateway/src/main.ts`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from './config.ts';
import { type Gateway, openGateway } from './gateway.ts';
import { endWithTheProcess, runProgram, sayReady } from './program.ts';
import { DataDirBusyError } from './store/embedded-postgres.ts';
import type { Log } from './store/log.ts';

const GRACE_MS = 10_000;
/** An idle gateway ends in a second, database and all; a busy one takes longer, and is worth a second try by hand. */
const OWNER_ENDS_MS = 5_000;
const BUSY_LOOK_MS = 500;

/**
 * A starter that was killed leaves a gateway that is just ending: it gets the time to. One that does not end is
 * somebody's running gateway.
 */
async function openWhenFree(config: Config, log: Log): Promise<Gateway> {
  const until = Date.now() + OWNER_ENDS_MS;
  for (let told = false; ; told = true) {
    try {
      return await openGateway(config, log);
    } catch (error) {
      if (!(error instanceof DataDirBusyError) || Date.now() > until) throw error;
      if (!told)
        console.log(`The data directory ${config.dataDir} is in use; waiting for that gateway to end`);
      await sleep(BUSY_LOOK_MS);
    }
  }
}

/** Once, and to a person only: what goes to a terminal does not stay in a log file. */
function showCredentials(made: NonNullable<Gateway['firstBoot']>): void {
  if (!process.stdout.isTTY) return;
  console.log(
    [
      '',
      '  Made for you, shown this once (and kept in credentials.env):',
      `    API key         ${made.apiKey}`,
      `    Project         ${made.projectId}`,
      `    Administrator   ${made.adminEmail}`,
      `    Password        ${made.adminPassword}`,
      '',
    ].join('\n'),
  );
}

await runProgram(async (config, log) => {
  const gateway = await openWhenFree(config, log);
  endWithTheProcess(() => gateway.close(GRACE_MS));
  if (gateway.firstBoot !== null) showCredentials(gateway.firstBoot);
  const { url, dataDir, nodeTokenFile, credentialsFile, firstBoot } = gateway;
  sayReady(
    { url, dataDir, nodeTokenFile, credentialsFile, firstBoot: firstBoot !== null },
    `The gateway listens on ${url}; credentials are in ${credentialsFile}`,
  );
});
