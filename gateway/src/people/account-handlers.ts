import type { accountRoutes } from '@zerogpu/protocol';
import type { Handlers } from '../admin/handler.ts';

export const accountHandlers: Handlers<keyof typeof accountRoutes> = {};
