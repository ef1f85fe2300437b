/** The worker behind the page: the whole node runs here, where timers are held back least and nothing blocks the page. */
import { type FromWorker, Line, type ToWorker } from './line.ts';
import { Serving } from './serving.ts';

// The page sends its end of the line first, and everything else over that.
addEventListener(
  'message',
  ({ ports: [port] }) => {
    if (!port) return;
    const line: Line<FromWorker, ToWorker> = new Line(port, (message) => serving.hear(message));
    const serving = new Serving((message) => line.say(message));
  },
  { once: true },
);
