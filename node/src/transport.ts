/** What a transport tells; `closed` comes once and last, also when it never opened. */
export interface TransportEvents {
  /** A text message, or null for one that is not text. */
  message(text: string | null): void;
  /** Any other sign of life, such as the gateway's ping. Browsers do not show pings. */
  alive(): void;
  /** @param reason in words, for the log */
  closed(reason: string): void;
}

/** One WebSocket to a gateway, opening or open. */
export interface Transport {
  /** Bytes handed to `send` that have not left yet. */
  readonly bufferedBytes: number;
  /** Sends text, or drops it when the socket is not open. */
  send(text: string): void;
  /** Closes after what was sent; `closed` follows within seconds even when the other end is dead. */
  close(reason: string): void;
}

/** Opens a WebSocket with NODE_SUBPROTOCOL that accepts frames up to MAX_FRAME_BYTES. */
export type Connect = (url: string, events: TransportEvents) => Transport;
