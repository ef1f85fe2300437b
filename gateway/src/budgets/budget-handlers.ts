import type { budgetRoutes } from '@zerogpu/protocol';
import type { Handlers } from '../admin/handler.ts';

export const budgetHandlers: Handlers<keyof typeof budgetRoutes> = {};
