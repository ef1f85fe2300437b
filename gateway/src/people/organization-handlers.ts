import type { organizationRoutes } from '@zerogpu/protocol';
import type { Handlers } from '../admin/handler.ts';

export const organizationHandlers: Handlers<keyof typeof organizationRoutes> = {};
