import type { keyRoutes } from '@zerogpu/protocol';
import type { Handlers } from '../admin/handler.ts';

export const keyHandlers: Handlers<keyof typeof keyRoutes> = {};
