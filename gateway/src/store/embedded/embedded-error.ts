/** The embedded database cannot run here; says what to do next. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

/** The way out that every such error names. */
export const USE_A_SERVER =
  'Or use a PostgreSQL server (15 or later): DATABASE_URL=postgres://user:password@host:5432/database';
