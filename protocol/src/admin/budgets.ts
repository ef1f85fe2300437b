import { declare } from './route.ts';

export const budgetRoutes = declare({});
