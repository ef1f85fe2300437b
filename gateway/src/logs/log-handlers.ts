import type { logRoutes } from '@zerogpu/protocol';
import type { Handlers } from '../admin/handler.ts';

export const logHandlers: Handlers<keyof typeof logRoutes> = {};
