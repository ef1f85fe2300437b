import type { alertRoutes } from '@zerogpu/protocol';
import type { Handlers } from '../admin/handler.ts';

export const alertHandlers: Handlers<keyof typeof alertRoutes> = {};
