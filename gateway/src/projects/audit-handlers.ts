import type { auditRoutes } from '@zerogpu/protocol';
import type { Handlers } from '../admin/handler.ts';

export const auditHandlers: Handlers<keyof typeof auditRoutes> = {};
