import { declare } from './route.ts';

export const accountRoutes = declare({});
