/** The entry of what tests put into a page; nothing else imports it. */
export { deleteDatabase, openDatabase } from './database.ts';
export { deviceIdentityIn } from './device-key-store.ts';
export { IndexedStore } from './indexed-store.ts';
