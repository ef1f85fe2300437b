/** Loaded into the gateway's process before it starts (`--import`): tells over IPC how late its event loop runs. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Of the histogram's timer; what it measures is at least this, so it is taken off. */
const RESOLUTION_MS = 5;
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
histogram.enable();

process.on('message', (message: unknown) => {
  if (message !== 'loop') return;
  const at = (percentile: number) => Math.max(0, histogram.percentile(percentile) / 1e6 - RESOLUTION_MS);
  process.send?.({
    type: 'loop',
    p50: at(50),
    p99: at(99),
    most: Math.max(0, histogram.max / 1e6 - RESOLUTION_MS),
  });
  histogram.reset();
});
// The gateway's own life is not lengthened by it.
process.channel?.unref();
