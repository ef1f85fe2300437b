import { MAX_FRAME_BYTES, NODE_SUBPROTOCOL } from '@zerogpu/protocol';
import { WebSocket } from 'ws';
import type { Transport, TransportEvents } from '../transport.ts';

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A gateway that does not answer a close within this is not waited for. */
const CLOSE_TIMEOUT_MS = 2_000;
const NORMAL_CLOSURE = 1000;

/** The transport of the Node platform. */
export function connectWs(url: string, events: TransportEvents): Transport {
  const socket = new WebSocket(url, NODE_SUBPROTOCOL, {
    maxPayload: MAX_FRAME_BYTES,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    // Frames are small or travel a local network; compressing them costs a nano model's whole time.
    perMessageDeflate: false,
  });
  let failure = '';
  socket.on('message', (data, isBinary) => events.message(isBinary ? null : String(data)));
  socket.on('ping', () => events.alive());
  socket.on('error', (error) => {
    failure = messageOf(error);
  });
  socket.on('close', (code, reason) =>
    events.closed(failure || String(reason) || `closed with code ${code}`),
  );
  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close(reason) {
      const timer = setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS);
      socket.once('close', () => clearTimeout(timer));
      socket.close(NORMAL_CLOSURE, reason.slice(0, 100));
    },
  };
}

/** Node's error for a name with several addresses has an empty message. */
function messageOf(error: Error): string {
  return (
    error.message || (error instanceof AggregateError && error.errors.map(String).join(', ')) || error.name
  );
}
