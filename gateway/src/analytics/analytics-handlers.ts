import type { analyticsRoutes } from '@zerogpu/protocol';
import type { Handlers } from '../admin/handler.ts';

export const analyticsHandlers: Handlers<keyof typeof analyticsRoutes> = {};
