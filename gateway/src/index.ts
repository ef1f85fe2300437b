/** The gateway's public entry, for programs that run one inside their own process. */

export { boundedRead } from './admin/bounded-read.ts';
/** What the dashboard reads of logs and analytics, for programs that measure it. */
export { readFacets, readSeries, readTotals, readUsage } from './analytics/read-rollups.ts';
export { makePaymentProvider } from './billing/make-billing.ts';
export { type PaymentProvider, ProviderError } from './billing/provider.ts';
export { type Config, ConfigError, readConfig } from './config.ts';
/** What a request costs the database, for programs that measure it. */
export {
  type Caller,
  type NodeFacts,
  type NodeView,
  type Settlement,
  type Speed,
  type Target,
  type TargetAnswer,
  UNLIMITED,
} from './flow.ts';
export { type Gateway, openGateway } from './gateway.ts';
export { filterOf } from './logs/log-filter.ts';
export { cursorOf, type PageQuery as LogPageQuery, questionOf } from './logs/log-question.ts';
export { readDetail, readPage } from './logs/read-log.ts';
export { tailStatement } from './logs/tail.ts';
export { checkRollups } from './metering/check-rollups.ts';
export { Settler } from './metering/settle.ts';
export { Hedging, type RunKind } from './nodes/hedging.ts';
export { Lane } from './nodes/lane.ts';
export { HoldBook } from './quota/hold-money.ts';
/** How nodes are chosen, for programs that judge the choice. */
export { type ChooseOptions, chooseNodes } from './router/choose-nodes.ts';
export { FleetIndex } from './router/fleet-index.ts';
export { type Candidate, predicted, type RouteAsk } from './router/predict.ts';
export { type Log, silentLog } from './store/log.ts';
export { openStore, type Store } from './store/open-store.ts';
export { readPayload } from './store/payloads.ts';
export { Secrets } from './store/secrets.ts';
export { inTenant } from './store/tenant-fence.ts';
/** How far strangers' nodes are believed, for programs that judge it. */
export { TrustKeeper, type TrustServices } from './trust/trust.ts';
export {
  afterRight,
  afterUnchecked,
  afterWrong,
  KNOWN_SHARE,
  NOTHING_SHOWN,
  recheckShare,
  trustAt,
} from './trust/trust-state.ts';
export type { TrustStore } from './trust/trust-store.ts';
