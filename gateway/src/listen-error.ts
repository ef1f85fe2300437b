/** The gateway cannot listen where it was told to; says what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * What the system says when a server cannot listen, in words for the operator.
 * @returns the error itself when it is about something else
 */
export function explainListenError(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const told = typeof code === 'string' ? EXPLANATIONS[code]?.(host, port) : undefined;
  return told === undefined ? error : new ListenError(told, { cause: error });
}

const notHere = (host: string) =>
  `HOST "${host}" is no address of this machine. 127.0.0.1 serves this machine alone, 0.0.0.0 every network it is in`;

const EXPLANATIONS: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) =>
    `Another program listens on port ${port} of ${host}. End that one, or choose another port: PORT=${port === 8081 ? 8082 : 8081} npm start`,
  EACCES: (host, port) =>
    `This user may not listen on port ${port} of ${host}. Choose a port from 1024 on: PORT=8080 npm start`,
  EADDRNOTAVAIL: notHere,
  ENOTFOUND: notHere,
  EAI_AGAIN: notHere,
};
