#!/usr/bin/env node
/** The command `zerogpu`. */
import { runNodeCommand } from '@zerogpu/node/command';
import { VERSION } from '@zerogpu/protocol';

const HELP = `zerogpu ${VERSION}: inference on the devices you already own

Usage: zerogpu <command> [options]

  node join <address> <token>   joins this device to a gateway and serves
  node run                      serves at the gateway joined before
  node install                  as a service that starts with the machine
  node uninstall                removes the service
  node status                   what is joined, installed and running

  --version, --help             also after each command: zerogpu node join --help
`;

/** A wrong use: no restart can mend it. */
const EXIT_WRONG_USE = 2;

async function main([command, ...args]: readonly string[]): Promise<number> {
  if (command === undefined || command === '--help' || command === '-h' || command === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  if (command === '--version' || command === '-v') {
    console.log(VERSION);
    return 0;
  }
  if (command === 'node') return runNodeCommand(args);
  console.error(`There is no command "${command}"; zerogpu --help lists what there is`);
  return EXIT_WRONG_USE;
}

// Not process.exit: what was printed to a pipe leaves first.
process.exitCode = await main(process.argv.slice(2));
