import { MAX_FRAME_BYTES, NODE_SUBPROTOCOL } from '@zerogpu/protocol';
import type { Transport, TransportEvents } from '../transport.ts';

/** A gateway that does not answer a close within this is not waited for; browsers wait much longer. */
const CLOSE_TIMEOUT_MS = 2_000;
/** The same for an address that swallows what is sent there. */
const OPEN_TIMEOUT_MS = 10_000;
const NORMAL_CLOSURE = 1000;
/** Browsers accept messages of any length, and pages may not close with the code that says "too big". */
const TOO_BIG = 4009;

/** The transport of the browser platform. Pings and pongs stay in the browser: `alive` never comes. */
export function connectSocket(url: string, events: TransportEvents): Transport {
  const socket = new WebSocket(url, NODE_SUBPROTOCOL);
  const end = once((reason: string) => {
    clearTimeout(opening);
    socket.onmessage = null;
    events.closed(reason);
  });
  const leave = (code: number, reason: string) => {
    setTimeout(() => end(reason), CLOSE_TIMEOUT_MS);
    socket.close(code, reason.slice(0, 100));
  };
  const opening = setTimeout(() => leave(NORMAL_CLOSURE, 'no connection in time'), OPEN_TIMEOUT_MS);
  socket.onopen = () => clearTimeout(opening);
  socket.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (typeof data === 'string' && data.length > MAX_FRAME_BYTES) leave(TOO_BIG, 'the frame is too big');
    else events.message(typeof data === 'string' ? data : null);
  };
  socket.onclose = ({ code, reason, wasClean }) => end(reason || reasonOf(code, wasClean));
  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: (reason) => leave(NORMAL_CLOSURE, reason),
  };
}

/** Browsers say nothing of why a socket broke, so that pages cannot look around in a network. */
function reasonOf(code: number, wasClean: boolean): string {
  return wasClean ? `closed with code ${code}` : 'no connection to the gateway';
}

function once<T>(act: (value: T) => void): (value: T) => void {
  let done = false;
  return (value) => {
    if (done) return;
    done = true;
    act(value);
  };
}
