/** The gateway's public entry, for programs that run one inside their own process. */
export { type Config, ConfigError, readConfig } from './config.ts';
export { type Gateway, openGateway } from './gateway.ts';
export { checkRollups } from './metering/check-rollups.ts';
export { type Log, silentLog } from './store/log.ts';
export { readPayload } from './store/payloads.ts';
